import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { countModel } from '../../src/model/countModel.js';
import { diffusersConfig, specFromDiffusersConfig } from '../../src/model/diffusersConfig.js';
import { prunableWidths } from '../../src/model/prunableWidths.js';
import { toRuntime } from '../../src/model/runtimeWeights.js';
import { sliceModel } from '../../src/model/sliceModel.js';
import type { UNetSpec } from '../../src/model/spec.js';
import { unetSpecSchema } from '../../src/model/specSchema.js';
import { unetForward } from '../../src/model/unet.js';
import type { Weights } from '../../src/model/weights.js';
import { findPreset } from '../../src/pipeline/presets.js';
import { parseConfig } from '../../src/project/project.js';
import { randomNormal } from '../../src/tensor/random.js';
import { describeOnEveryEngine } from '../tensor/engines.js';
import { innerRule, randomWeights, smallSpec } from './networks.js';

const { model, data, diffusion } = parseConfig(findPreset('iddpm-cifar10').config);
const spec = buildUNetSpec(model, data, diffusion);

describe('the network of improved DDPM', () => {
  it('has the counts that hooks in PyTorch find', () => {
    const golden = JSON.parse(readFileSync(new URL('../golden/iddpm-count.json', import.meta.url), 'utf8')) as object;
    const { parameters, tensors, macs, attentionMacs } = countModel(spec);
    expect(golden).toMatchObject({ parameters, tensors, macs, attentionMacs, heads: [spec.mid.attention.heads] });
    // 52.55 M and 8.14 G in the literature.
    expect([parameters, macs]).toEqual([52_546_438, 8_137_015_296]);
  });

  it('predicts noise and variance, with attention at 16 and 8 pixels', () => {
    expect([spec.inChannels, spec.outChannels]).toEqual([3, 6]);
    const attended = (levels: readonly { blocks: readonly { attention: unknown }[] }[]) =>
      levels.map(({ blocks }) => blocks.map(({ attention }) => attention !== null));
    const [yes, no] = [true, false].map((has) => Array<boolean>(3).fill(has));
    expect(attended(spec.down)).toEqual([no, yes, yes, no]);
    expect(attended(spec.up).map((blocks) => blocks.length)).toEqual([4, 4, 4, 4]);
    expect(spec.mid.attention).toMatchObject({ qk: 256, heads: 4, scaleWidth: 64 });
  });

  it('survives the config of diffusers, and the schema of its own specification', () => {
    const config = JSON.parse(JSON.stringify(diffusersConfig(spec))) as Record<string, unknown>;
    expect(config).toMatchObject({ resnet_time_scale_shift: 'scale_shift', attention_head_dim: 64, out_channels: 6 });
    expect(config).not.toHaveProperty('stepadapt');
    expect(specFromDiffusersConfig(config, 'config.json')).toEqual(spec);
    expect(unetSpecSchema.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });
});

describeOnEveryEngine('a sliced network with scale-shift norms', () => {
  const full = smallSpec({ scaleShiftNorm: true, attentionHeads: 2 });
  const weights = randomWeights(full);
  const x = randomNormal({ seed: 3, stream: 'x', index: 0 }, 2 * 8 * 8 * 3);
  const forward = (of: UNetSpec, its: Weights) =>
    tf.tidy(() => {
      const images = tf.tensor4d(x, [2, 8, 8, 3]);
      return Float32Array.from(unetForward(of, toRuntime(its), images, tf.tensor1d([10, 900]), null).dataSync());
    });

  it('equals the one whose removed channels are zero after norm, scale, shift and activation', () => {
    // Every other norm group goes, the first of each pair.
    const keep = new Map(
      prunableWidths(full, innerRule).map(({ id, width, unit }) => [
        id,
        Array.from({ length: width }, (_, channel) => channel).filter(
          (channel) => Math.floor(channel / unit) % 2 === 1,
        ),
      ]),
    );
    const masked = new Map(weights);
    for (const [id, channels] of keep) {
      const name = id.replace(/inner$/, 'conv2.weight');
      const { shape, data } = weights.get(name)!;
      const kept = (i: number) => channels.includes(Math.floor(i / 9) % shape[1]);
      masked.set(name, { shape, data: data.map((value, i) => (kept(i) ? value : 0)) });
    }
    const sliced = sliceModel(full, weights, keep, innerRule);
    expect(sliced.weights.get('mid_block.resnets.0.time_emb_proj.bias')!.shape).toEqual([16]);
    const computed = forward(sliced.spec, sliced.weights);
    const expected = forward(full, masked);
    expect(Math.max(...computed.map((value, i) => Math.abs(value - expected[i])))).toBeLessThan(1e-5);
  });
});

describe('attention heads', () => {
  it('of several widths are written as a specification, which diffusers cannot say', () => {
    const both = smallSpec({ attention: [8, 4], attentionHeads: 2 });
    const config = diffusersConfig(both);
    expect(config).toHaveProperty('stepadapt');
    expect(specFromDiffusersConfig(JSON.parse(JSON.stringify(config)), 'config.json')).toEqual(both);
  });

  it('that do not divide the channels are refused', () => {
    expect(() => smallSpec({ attentionHeads: 3 })).toThrow(
      expect.objectContaining({ code: 'MODEL_SHAPE', message: expect.stringContaining('3 attention heads') }),
    );
  });

  it('are one, and norms have biases, in files that do not say', () => {
    const old = JSON.parse(JSON.stringify(smallSpec())) as Record<string, object>;
    delete (old as { scaleShift?: boolean }).scaleShift;
    delete (old.mid as { attention: { heads?: number } }).attention.heads;
    expect(unetSpecSchema.parse(old)).toEqual(smallSpec());
  });
});
