import * as tf from '@tensorflow/tfjs-core';
import { hostValues } from '../tensor/hostValues.js';
import { toRuntime } from './runtimeWeights.js';
import type { UNetSpec } from './spec.js';
import { unetForward } from './unet.js';
import type { Weights } from './weights.js';

/**
 * The network's output for images in PyTorch's layout, each with its own timestep.
 *
 * @param x (N, C, H, W) row-major
 * @param timesteps (N) in [0, T)
 * @returns (N, C, H, W) row-major
 */
export function predictBatch(spec: UNetSpec, weights: Weights, x: Float32Array, timesteps: Int32Array): Float32Array {
  return hostValues(() => {
    const images = tf.tensor4d(x, [timesteps.length, spec.inChannels, spec.size, spec.size]);
    const output = unetForward(
      spec,
      toRuntime(weights),
      tf.transpose(images, [0, 2, 3, 1]),
      tf.tensor1d(timesteps, 'int32'),
      null,
    );
    return [tf.transpose(output, [0, 3, 1, 2])];
  })[0];
}
