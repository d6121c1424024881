import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countModel } from '../../src/model/countModel.js';
import { prunableWidths } from '../../src/model/prunableWidths.js';
import { toRuntime } from '../../src/model/runtimeWeights.js';
import { sliceModel } from '../../src/model/sliceModel.js';
import type { UNetSpec } from '../../src/model/spec.js';
import { unetSpecSchema } from '../../src/model/specSchema.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import { unetForward } from '../../src/model/unet.js';
import type { Weights } from '../../src/model/weights.js';
import { withWidths } from '../../src/model/withWidths.js';
import { randomNormal } from '../../src/tensor/random.js';
import { describeOnEveryEngine } from '../tensor/engines.js';
import { cifarSpec, innerRule, randomWeights, smallSpec } from './networks.js';

const spec = smallSpec();
const widths = prunableWidths(spec, innerRule);
const weights = randomWeights(spec);

/** Keeps the norm groups of each width whose bit is set, and at least one. */
function keepOf(groups: readonly (readonly boolean[])[]): Map<string, number[]> {
  return new Map(
    widths.map(({ id, width, unit }, i) => {
      const channels = Array.from({ length: width }, (_, channel) => channel);
      const kept = channels.filter((channel) => groups[i][Math.floor(channel / unit)]);
      return [id, kept.length > 0 ? kept : channels.slice(0, unit)];
    }),
  );
}

const randomKeep = fc
  .tuple(
    ...widths.map(({ width, unit }) => fc.array(fc.boolean(), { minLength: width / unit, maxLength: width / unit })),
  )
  .map(keepOf);

/** The full network in which removed channels are zero after the second norm and activation. */
function masked(keep: ReadonlyMap<string, readonly number[]>): Weights {
  const result = new Map(weights);
  for (const [id, channels] of keep) {
    const name = id.replace(/inner$/, 'conv2.weight');
    const { shape, data } = weights.get(name)!;
    const area = shape[2] * shape[3];
    const zeroed = data.map((value, i) => (channels.includes(Math.floor(i / area) % shape[1]) ? value : 0));
    result.set(name, { shape, data: zeroed });
  }
  return result;
}

function forward(of: UNetSpec, its: Weights): Float32Array {
  const runtime = toRuntime(its);
  const x = randomNormal({ seed: 3, stream: 'x', index: 0 }, 2 * 8 * 8 * 3);
  const result = tf.tidy(() =>
    Float32Array.from(unetForward(of, runtime, tf.tensor4d(x, [2, 8, 8, 3]), tf.tensor1d([10, 900]), null).dataSync()),
  );
  tf.dispose([...runtime.values()]);
  return result;
}

describeOnEveryEngine('a sliced network', () => {
  it('equals the masked one', () => {
    fc.assert(
      fc.property(randomKeep, (keep) => {
        const sliced = sliceModel(spec, weights, keep, innerRule);
        const computed = forward(sliced.spec, sliced.weights);
        const expected = forward(spec, masked(keep));
        expect(Math.max(...computed.map((value, i) => Math.abs(value - expected[i])))).toBeLessThan(1e-5);
      }),
      { numRuns: 8, seed: 1 },
    );
  });
});

describe('sliceModel', () => {
  it('changes nothing when it keeps everything', () => {
    const all = new Map(widths.map(({ id, width }) => [id, Array.from({ length: width }, (_, i) => i)]));
    for (const keep of [all, new Map<string, number[]>()]) {
      const sliced = sliceModel(spec, weights, keep, innerRule);
      expect(sliced.spec).toEqual(spec);
      expect(sliced.weights).toEqual(weights);
    }
  });

  it('gives the shapes and counts of the spec with these widths', () => {
    fc.assert(
      fc.property(randomKeep, (keep) => {
        const sliced = sliceModel(spec, weights, keep, innerRule);
        const planned = withWidths(spec, new Map([...keep].map(([id, channels]) => [id, channels.length])), innerRule);
        expect(sliced.spec).toEqual(planned);
        expect(unetSpecSchema.safeParse(planned).success).toBe(true);
        expect(new Map([...sliced.weights].map(([name, { shape }]) => [name, shape]))).toEqual(tensorShapes(planned));
        const values = [...sliced.weights.values()].reduce((sum, { data }) => sum + data.length, 0);
        expect(values).toBe(countModel(planned).parameters);
      }),
      { numRuns: 50, seed: 2 },
    );
  });

  it('takes the kept channels of every member, and leaves what it was given', () => {
    const before = structuredClone(weights);
    const id = 'up_blocks.0.resnets.1.inner';
    const keep = [4, 5, 6, 7, 12, 13, 14, 15];
    const sliced = sliceModel(spec, weights, new Map([[id, keep]]), innerRule);
    expect(sliced.weights.get('up_blocks.0.resnets.1.norm2.bias')!.data).toEqual(
      Float32Array.from(keep, (channel) => weights.get('up_blocks.0.resnets.1.norm2.bias')!.data[channel]),
    );
    const conv2 = {
      full: weights.get('up_blocks.0.resnets.1.conv2.weight')!,
      cut: sliced.weights.get('up_blocks.0.resnets.1.conv2.weight')!,
    };
    // Output 3, input channel 12 (the fifth kept), kernel position 7.
    expect(conv2.cut.data[(3 * 8 + 4) * 9 + 7]).toBe(conv2.full.data[(3 * 16 + 12) * 9 + 7]);
    expect(weights).toEqual(before);
  });

  // The width below has 16 channels in norm groups of 4.
  it.each<[string, number[], RegExp]>([
    ['nothing', [], /none/],
    ['an index out of range', [12, 13, 14, 16], /range/],
    ['a negative index', [-4, -3, -2, -1], /range/],
    ['a fraction', [0, 1, 2, 2.5], /range/],
    ['unsorted indices', [4, 5, 6, 7, 0, 1, 2, 3], /ascending/],
    ['a doubled index', [0, 1, 2, 2], /ascending/],
    ['part of a norm group', [0, 1, 2], /norm group/],
    ['channels across a border', [2, 3, 4, 5], /norm group/],
    ['parts of two groups', [0, 1, 4, 5], /norm group/],
  ])('refuses to keep %s', (_, keep, message) => {
    expect(() => sliceModel(spec, weights, new Map([['mid_block.resnets.0.inner', keep]]), innerRule)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'KEEP_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('refuses a width that the network does not have', () => {
    const refused = expect.objectContaining({ kind: 'input', code: 'WIDTH_UNKNOWN' });
    expect(() => sliceModel(spec, weights, new Map([['conv_in', [0]]]), innerRule)).toThrow(refused);
    expect(() => withWidths(spec, new Map([['conv_in', 8]]), innerRule)).toThrow(refused);
  });
});

describe('prunableWidths', () => {
  it('lists the inner width of all 22 residual blocks of the published network', () => {
    const published = prunableWidths(cifarSpec(), innerRule);
    expect(published.map(({ width, unit }) => `${width}/${unit}`)).toEqual([
      ...Array(2).fill('128/4'),
      ...Array(17).fill('256/8'),
      ...Array(3).fill('128/4'),
    ]);
  });

  it('names members whose axis has the width', () => {
    for (const { width, members } of prunableWidths(cifarSpec(), innerRule)) {
      for (const { tensor, axis } of members) expect(tensorShapes(cifarSpec()).get(tensor)![axis]).toBe(width);
    }
  });

  it('keeps the channels of a norm group when widths change', () => {
    const [first] = widths;
    const pruned = withWidths(spec, new Map([[first.id, first.unit]]), innerRule);
    expect(prunableWidths(pruned, innerRule)[0]).toMatchObject({ width: first.unit, unit: first.unit });
    expect(pruned.down[0].blocks[0].res.norm2Groups).toBe(1);
  });

  it.each([0, 3, 18, -4, Number.NaN])('refuses a width of %d', (width) => {
    expect(() => withWidths(spec, new Map([['mid_block.resnets.0.inner', width]]), innerRule)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'WIDTH_INVALID', hint: expect.stringContaining('multiple of 4') }),
    );
  });
});
