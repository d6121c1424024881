import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { decodeSafetensors } from '../../src/formats/safetensors.js';
import { readModelFolder } from '../../src/model/diffusersFolder.js';
import { residualBlocks } from '../../src/model/residualBlocks.js';
import { fromRuntime, toRuntime } from '../../src/model/runtimeWeights.js';
import type { UNetSpec } from '../../src/model/spec.js';
import { timeEmbedding } from '../../src/model/timeEmbedding.js';
import { unetForward, type DropoutMasks } from '../../src/model/unet.js';
import type { Weights } from '../../src/model/weights.js';
import { randomNormal } from '../../src/tensor/random.js';
import { describeOnEveryEngine } from '../tensor/engines.js';
import { randomWeights, smallSpec } from './networks.js';

const golden = new URL('../golden/', import.meta.url);

function forward(spec: UNetSpec, weights: Weights, x: Float32Array, t: Int32Array, masks: DropoutMasks | null = null) {
  const runtime = toRuntime(weights);
  try {
    return tf.tidy(() => {
      const images = tf.tensor4d(x, [t.length, spec.size, spec.size, spec.inChannels]);
      return Float32Array.from(unetForward(spec, runtime, images, tf.tensor1d(t, 'int32'), masks).dataSync());
    });
  } finally {
    tf.dispose([...runtime.values()]);
  }
}

/** (N, C, H, W) to (N, H, W, C). */
function channelsLast(data: Float32Array, [count, channels, height, width]: readonly number[]): Float32Array {
  const pixels = height * width;
  return Float32Array.from({ length: count * channels * pixels }, (_, i) => {
    const image = Math.floor(i / (channels * pixels));
    const pixel = Math.floor(i / channels) % pixels;
    return data[(image * channels + (i % channels)) * pixels + pixel];
  });
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

describeOnEveryEngine('unetForward', () => {
  it.each([
    ['of DDPM', 'unet-small'],
    ['with scale-shift norms, four heads and a variance', 'unet-scale-shift'],
  ])("computes what diffusers' UNet2DModel computes: a network %s", async (_, name) => {
    const { spec, weights } = await readModelFolder(new URL(name, golden).pathname);
    const { tensors } = decodeSafetensors(await readFile(new URL(`${name}-io.safetensors`, golden)));
    const recorded = (tensor: string) => {
      const { shape, data } = tensors.get(tensor)!;
      return channelsLast(data as Float32Array, shape);
    };
    const noise = recorded('noise');
    const computed = forward(spec, weights, recorded('x'), tensors.get('t')!.data as Int32Array);
    expect(largestDifference(computed, noise)).toBeLessThan(1e-4);
    // So that the tolerance means something.
    expect(noise.reduce((sum, value) => sum + value * value, 0) / noise.length).toBeGreaterThan(0.1);
  });

  it.each([
    ['', {}, /./],
    [
      ' of time and attention, with scale-shift norms and two heads',
      { scaleShiftNorm: true, attentionHeads: 2 },
      /time|attn|attentions/,
    ],
  ])('depends on every tensor%s', (_, choices, names) => {
    const small = smallSpec(choices);
    const random = randomWeights(small);
    const input = randomNormal({ seed: 1, stream: 'x', index: 0 }, 8 * 8 * 3);
    const computed = forward(small, random, input, Int32Array.of(300));
    for (const [name, { shape, data }] of random) {
      // A key's bias shifts all scores of a query alike, which the softmax takes out again.
      if (name.endsWith('to_k.bias') || !names.test(name)) continue;
      const changed = new Map(random).set(name, { shape, data: data.with(0, data[0] + 1) });
      const difference = largestDifference(forward(small, changed, input, Int32Array.of(300)), computed);
      expect(difference, name).toBeGreaterThan(1e-5);
    }
  });

  it('numbers the dropout sites in the order of the blocks, ahead of the second convolution', () => {
    const small = smallSpec({ dropout: 0.5 });
    const random = randomWeights(small);
    const input = randomNormal({ seed: 1, stream: 'x', index: 0 }, 8 * 8 * 3);
    const timestep = Int32Array.of(300);
    residualBlocks(small).forEach(({ name, res }, site) => {
      // The first half of the inner channels of one block is dropped.
      const kept = (channel: number) => (channel < res.inner / 2 ? 0 : 1);
      const masks: DropoutMasks = {
        mask(at, shape) {
          const values = new Float32Array(shape.reduce((a, b) => a * b)).fill(1);
          expect(shape[3]).toBe(residualBlocks(small)[at].res.inner);
          return tf.tensor(at === site ? values.map((_, i) => kept(i % shape[3])) : values, shape);
        },
      };
      const { shape, data } = random.get(`${name}.conv2.weight`)!;
      const zeroed = data.map((value, i) => value * kept(Math.floor(i / 9) % res.inner));
      const expected = forward(
        small,
        new Map(random).set(`${name}.conv2.weight`, { shape, data: zeroed }),
        input,
        timestep,
      );
      expect(largestDifference(forward(small, random, input, timestep, masks), expected)).toBeLessThan(1e-5);
    });
  });
});

describeOnEveryEngine('timeEmbedding', () => {
  it('has all sines before all cosines, with the last frequency at 1/10000', () => {
    const [row] = tf.tidy(() => timeEmbedding(tf.tensor1d([500], 'int32'), 8).arraySync());
    const phases = [0, 1, 2, 3].map((i) => 500 * 10_000 ** (-i / 3));
    [...phases.map(Math.sin), ...phases.map(Math.cos)].forEach((value, i) => expect(row[i]).toBeCloseTo(value, 4));
  });
});

describeOnEveryEngine('runtimeWeights', () => {
  it('transposes kernels and matrices, there and back', () => {
    const counting = (shape: number[]) => ({
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i),
    });
    const weights: Weights = new Map([
      ['conv', counting([5, 4, 3, 2])],
      ['linear', counting([3, 2])],
      ['bias', counting([4])],
    ]);
    const runtime = toRuntime(weights);
    const conv = runtime.get('conv') as tf.Tensor4D;
    expect(conv.shape).toEqual([3, 2, 4, 5]);
    // Element (out 4, in 1, row 2, column 0) of the host's layout.
    expect((conv.arraySync() as number[][][][])[2][0][1][4]).toBe(((4 * 4 + 1) * 3 + 2) * 2);
    expect(runtime.get('linear')!.arraySync()).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ]);
    expect(fromRuntime(runtime)).toEqual(weights);
    tf.dispose([...runtime.values()]);
  });
});
