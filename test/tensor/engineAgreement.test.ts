import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { attention } from '../../src/tensor/attention.js';
import { conv2d } from '../../src/tensor/convolution.js';
import type { EngineId } from '../../src/tensor/engine.js';
import { groupNorm } from '../../src/tensor/groupNorm.js';
import { linear } from '../../src/tensor/linear.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { silu } from '../../src/tensor/silu.js';
import { upsampleNearest } from '../../src/tensor/upsample.js';
import { nativeMissing } from './engines.js';
import { relativeError, values } from './reference.js';

const channels = 32;
const shapes: Record<string, number[]> = {
  convIn: [3, 3, 3, channels],
  gamma: [channels],
  beta: [channels],
  down: [3, 3, channels, channels],
  time: [16, channels],
  query: [1, 1, channels, channels],
  up: [3, 3, channels, channels],
  out: [3, 3, 2 * channels, 3],
  outBias: [3],
};

/** Everything a denoising U-Net is made of, in one small network; (N, 16, 16, 3) to the same. */
function network(w: Record<string, tf.Tensor>, x: tf.Tensor4D, embedding: tf.Tensor2D): tf.Tensor {
  const weight = <T extends tf.Tensor>(name: string) => w[name] as T;
  const images = x.shape[0];
  const h0 = conv2d(x, weight('convIn'), null);
  const normal = silu(groupNorm(h0, weight('gamma'), weight('beta'), 8, 1e-5));
  const half = conv2d(normal, weight('down'), null, { stride: 2, padding: 'bottom-right' });
  const time = linear(silu(embedding), weight('time'), weight('beta'));
  const shifted: tf.Tensor4D = tf.add(half, tf.reshape(time, [images, 1, 1, channels]));
  const tokens: tf.Tensor3D = tf.reshape(conv2d(shifted, weight('query'), null), [images, 64, channels]);
  const attended: tf.Tensor4D = tf.reshape(attention(tokens, tokens, tokens, 0.2), [images, 8, 8, channels]);
  const up = conv2d(upsampleNearest(tf.add(shifted, attended)), weight('up'), null);
  return conv2d(tf.concat([up, h0], 3), weight('out'), weight('outBias'));
}

/** Loss and gradients of one step, and how many tensors it left behind. */
async function step(id: EngineId): Promise<{ loss: number; gradients: Map<string, Float32Array>; leaked: number }> {
  await openEngine(id);
  const before = tf.memory().numTensors;
  const result = tf.tidy(() => {
    const names = Object.keys(shapes);
    const weights = names.map((name, index) => random(shapes[name] as number[], index, 0.3));
    const x = random([2, 16, 16, 3], 50, 1) as tf.Tensor4D;
    const noise = random([2, 16, 16, 3], 51, 1);
    const embedding = random([2, 16], 52, 1) as tf.Tensor2D;
    const loss = (...tensors: tf.Tensor[]) => {
      const w = Object.fromEntries(names.map((name, index) => [name, tensors[index] as tf.Tensor]));
      return tf.mean(tf.squaredDifference(network(w, x, embedding), noise));
    };
    const { value, grads } = tf.valueAndGrads(loss)(weights);
    const gradients = new Map(names.map((name, index) => [name, (grads[index] as tf.Tensor).dataSync<'float32'>()]));
    return { loss: value.dataSync()[0] as number, gradients: gradients as unknown as tf.TensorContainer };
  }) as unknown as { loss: number; gradients: Map<string, Float32Array> };
  return { ...result, leaked: tf.memory().numTensors - before };
}

function random(shape: number[], seed: number, scale: number): tf.Tensor {
  return tf.tensor(
    Float32Array.from(values(tf.util.sizeFromShape(shape), seed), (value) => value * scale),
    shape,
  );
}

it('the portable engine runs a whole training step and leaves no tensor behind', async () => {
  const { loss, gradients, leaked } = await step('wasm');
  expect(leaked).toBe(0);
  expect(Number.isFinite(loss)).toBe(true);
  for (const [name, gradient] of gradients) {
    expect(gradient.every(Number.isFinite), name).toBe(true);
    expect(
      gradient.some((value) => value !== 0),
      name,
    ).toBe(true);
  }
});

it.skipIf(nativeMissing !== null)(`both engines agree${nativeMissing ? `: ${nativeMissing}` : ''}`, async () => {
  const wasm = await step('wasm');
  const native = await step('native');
  expect(native.leaked).toBe(0);
  expect(Math.abs(native.loss - wasm.loss) / native.loss).toBeLessThan(1e-5);
  for (const [name, gradient] of native.gradients) {
    expect(relativeError(wasm.gradients.get(name) as Float32Array, gradient), name).toBeLessThan(1e-4);
  }
});
