import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { dependencyGroups } from '../../src/model/dependencyGroups.js';
import { prunableWidth, prunableWidths } from '../../src/model/prunableWidths.js';
import { predictBatch } from '../../src/model/predictBatch.js';
import { takeChannels } from '../../src/model/sliceModel.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import type { Weights } from '../../src/model/weights.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomNormal } from '../../src/tensor/random.js';
import { cifarSpec, innerRule, randomWeights, smallSpec } from './networks.js';

const published = dependencyGroups(cifarSpec(), 'tied');
const idsOf = (kind: string) => published.filter((group) => group.kind === kind).map(({ id }) => id);

describe('groups of tied channels of the published network', () => {
  it('are 50: 40 pass through a norm, 10 do not', () => {
    const counts = Object.fromEntries(
      [...new Set(published.map(({ kind }) => kind))].map((kind) => [kind, idsOf(kind).length]),
    );
    expect(counts).toEqual({
      'time-hidden': 1,
      'time-output': 1,
      inner: 22,
      'attention-qkv': 6,
      trunk: 4,
      'strided-conv': 1,
      'up-output': 12,
      upsample: 3,
    });
    expect(published.filter(({ norms }) => norms.length > 0)).toHaveLength(40);
    // The last blocks of two levels on the way up feed an upsampling convolution alone.
    expect(
      published.filter(({ kind, norms }) => kind === 'up-output' && norms.length === 0).map(({ id }) => id),
    ).toEqual(['up_blocks.0.resnets.2.out', 'up_blocks.1.resnets.2.out']);
  });

  it('have queries and keys apart from values on request', () => {
    const separate = dependencyGroups(cifarSpec(), 'separate');
    expect(separate).toHaveLength(56);
    const [qk] = separate.filter(({ kind }) => kind === 'attention-qk');
    expect(qk.consumers).toEqual([]);
    expect(qk.producers.map(({ tensor }) => tensor)).toEqual(
      ['to_q.weight', 'to_q.bias', 'to_k.weight', 'to_k.bias'].map((name) => `down_blocks.1.attentions.0.${name}`),
    );
  });

  it('begin the trunks where the width changes or the image is halved', () => {
    expect(idsOf('trunk')).toEqual([
      'conv_in.out',
      'down_blocks.1.resnets.0.out',
      'down_blocks.1.downsamplers.0.conv.out',
      'down_blocks.2.downsamplers.0.conv.out',
    ]);
    expect(idsOf('strided-conv')).toEqual(['down_blocks.0.downsamplers.0.conv.out']);
  });

  it('of the lowest level have both halves of the first concatenation', () => {
    const lowest = published.find(({ id }) => id === 'down_blocks.2.downsamplers.0.conv.out')!;
    const reading = lowest.consumers.filter(({ tensor }) => tensor === 'up_blocks.0.resnets.0.conv1.weight');
    expect(reading.map(({ offset }) => offset)).toEqual([0, 256]);
  });

  it('of the highest level reach the skip halves of all three blocks on the way up', () => {
    const highest = published.find(({ id }) => id === 'conv_in.out')!;
    const skips = highest.consumers.filter(
      ({ tensor }) => tensor.startsWith('up_blocks.3') && tensor.endsWith('conv1.weight'),
    );
    expect(skips.map(({ tensor, offset }) => [tensor.split('.')[3], offset])).toEqual([
      ['0', 256],
      ['1', 128],
      ['2', 128],
    ]);
  });

  it('of the time embedding reach all 22 projections', () => {
    expect(published.find(({ kind }) => kind === 'time-output')!.consumers).toHaveLength(22);
  });

  it('cover every channel of every weight exactly once, image channels and sinusoids apart', () => {
    const covered = new Map<string, number>();
    for (const group of published) {
      for (const { tensor, axis, offset } of prunableWidth(group, 'gcd').members) {
        for (let channel = offset; channel < offset + group.width; channel++) {
          const place = `${tensor}/${axis}/${channel}`;
          covered.set(place, (covered.get(place) ?? 0) + 1);
        }
      }
    }
    const expected = [...tensorShapes(cifarSpec())].flatMap(([tensor, shape]) =>
      shape.slice(0, 2).flatMap((length, axis) => {
        const fixed =
          (axis === 0 && tensor.startsWith('conv_out')) ||
          (axis === 1 && /^(conv_in|time_embedding.linear_1)\./.test(tensor));
        return fixed ? [] : Array.from({ length }, (_, channel) => `${tensor}/${axis}/${channel}`);
      }),
    );
    expect(covered.size).toBe(expected.length);
    expect(expected.every((place) => covered.get(place) === 1)).toBe(true);
  });

  it('are where the inner widths come from', () => {
    const inner = prunableWidths(cifarSpec(), innerRule);
    expect(inner.map(({ id }) => id)).toEqual(idsOf('inner'));
    expect(inner[0].members.map(({ tensor, axis }) => [tensor.replace('down_blocks.0.resnets.0.', ''), axis])).toEqual([
      ['conv1.weight', 0],
      ['conv1.bias', 0],
      ['time_emb_proj.weight', 0],
      ['time_emb_proj.bias', 0],
      ['norm2.weight', 0],
      ['norm2.bias', 0],
      ['conv2.weight', 1],
    ]);
  });
});

/**
 * Where a norm has a single group per source, the order of the channels in a group of tied channels means nothing. So a
 * network must compute the same after its channels changed places wherever they occur, and would not if one place were missing.
 */
describe('reordering the channels of one group', () => {
  const networks = {
    'with attention': smallSpec({ multipliers: [1, 2, 2], blocks: 2, normGroups: 1 }),
    'with heads, scales and shifts': smallSpec({
      attention: [4, 8],
      attentionHeads: 2,
      scaleShiftNorm: true,
      normGroups: 1,
    }),
  };

  beforeAll(async () => {
    await openEngine('wasm');
  });

  it.each(Object.entries(networks))('changes nothing in a network %s', (_name, spec) => {
    const weights = randomWeights(spec);
    const x = randomNormal({ seed: 3, stream: 'x', index: 0 }, 8 * 8 * 3);
    const predict = (its: Weights) => tf.tidy(() => Float32Array.from(predictBatch(spec, its, x, Int32Array.of(300))));
    const expected = predict(weights);
    const deviations = dependencyGroups(spec, 'separate').map((group) => {
      const length = group.width / group.runs;
      const reversed = Array.from({ length: group.width }, (_, i) => {
        const run = Math.floor(i / length);
        return run * length + (length - 1 - (i % length));
      });
      const members = prunableWidth(group, 'gcd');
      const computed = predict(takeChannels(weights, [members], new Map([[group.id, reversed]])));
      return { id: group.id, deviation: Math.max(...computed.map((value, i) => Math.abs(value - expected[i]))) };
    });
    expect(deviations.filter(({ deviation }) => !(deviation < 1e-4))).toEqual([]);
  });

  it('would show a missing member', () => {
    const spec = networks['with attention'];
    const weights = randomWeights(spec);
    const x = randomNormal({ seed: 3, stream: 'x', index: 0 }, 8 * 8 * 3);
    const predict = (its: Weights) => predictBatch(spec, its, x, Int32Array.of(300));
    const group = prunableWidth(dependencyGroups(spec, 'separate')[2], 'gcd');
    const reversed = new Map([[group.id, Array.from({ length: group.width }, (_, i) => group.width - 1 - i)]]);
    const expected = predict(weights);
    for (const left of group.members) {
      const incomplete = { ...group, members: group.members.filter((member) => member !== left) };
      const computed = predict(takeChannels(weights, [incomplete], reversed));
      expect(Math.max(...computed.map((value, i) => Math.abs(value - expected[i])))).toBeGreaterThan(1e-3);
    }
  });
});
