import * as tf from '@tensorflow/tfjs-core';
import { BOUND_TERMS } from '../diffusion/posterior.js';
import type { UNetSpec } from '../model/spec.js';
import { partSizes } from '../tensor/parallelism.js';
import type { MicroBatch } from './trainStep.js';
import { variationalBound } from './variationalBound.js';

/** A micro-batch in the engine: `xt` and `target` (N, H, W, C), `timesteps` (N), `weights` (N), `bound` (N, terms) or absent. */
export interface BatchTensors {
  readonly xt: tf.Tensor4D;
  readonly target: tf.Tensor4D;
  readonly timesteps: tf.Tensor1D;
  readonly weights: tf.Tensor1D;
  readonly bound?: tf.Tensor2D;
}

/** Uploads a micro-batch; call inside `tf.tidy`. */
export function batchTensors({ size, inChannels }: UNetSpec, batch: MicroBatch): BatchTensors {
  const shape: [number, number, number, number] = [batch.count, size, size, inChannels];
  return {
    xt: tf.tensor4d(batch.xt, shape),
    target: tf.tensor4d(batch.target, shape),
    timesteps: tf.tensor1d(batch.timesteps, 'int32'),
    weights: tf.tensor1d(batch.weights),
    bound: batch.bound && tf.tensor2d(batch.bound, [batch.count, BOUND_TERMS]),
  };
}

/**
 * The losses of each image.
 *
 * @param output (N, H, W, C) of the network; (N, H, W, 2 C) where it learns the variance
 * @returns `squaredError` (N), mean over pixels and channels (the simple loss of DDPM, eq. 14); `total` (N), what is trained on:
 *   the squared error times its weight, plus the variational bound of networks that learn the variance
 */
export function imageLosses(
  output: tf.Tensor4D,
  batch: BatchTensors,
): { squaredError: tf.Tensor1D; total: tf.Tensor1D } {
  const squaredError = perImageSquaredError(output, batch.target);
  const weighted: tf.Tensor1D = tf.mul(squaredError, batch.weights);
  return {
    squaredError,
    total: batch.bound ? tf.add(weighted, variationalBound(output, batch, batch.bound)) : weighted,
  };
}

/**
 * The losses of each image where the threads share the images, as `imageLosses` gives them.
 *
 * @param predict output of the network for images [first, first + their number) of the batch
 */
export function lossesInParts(
  batch: BatchTensors,
  predict: (part: BatchTensors, first: number) => tf.Tensor4D,
): { squaredError: tf.Tensor1D; total: tf.Tensor1D } {
  const sizes = partSizes(batch.xt.shape[0]);
  if (sizes.length === 1) return imageLosses(predict(batch, 0), batch);
  const tensors = (Object.entries(batch) as [string, tf.Tensor | undefined][]).flatMap(([name, tensor]) =>
    tensor === undefined ? [] : [[name, tf.split(tensor, sizes)] as const],
  );
  let first = 0;
  const losses = sizes.map((size, index) => {
    const part = Object.fromEntries(tensors.map(([name, parts]) => [name, parts[index]])) as unknown as BatchTensors;
    const ofPart = imageLosses(predict(part, first), part);
    first += size;
    return ofPart;
  });
  return {
    squaredError: tf.concat1d(losses.map(({ squaredError }) => squaredError)),
    total: tf.concat1d(losses.map(({ total }) => total)),
  };
}

/** Mean squared error of each image, over pixels and channels: (N). Channels for the variance are left out. */
export function perImageSquaredError(output: tf.Tensor4D, target: tf.Tensor4D): tf.Tensor1D {
  const prediction = output.shape[3] === target.shape[3] ? output : tf.slice(output, [0, 0, 0, 0], target.shape);
  return tf.mean(tf.mean(tf.squaredDifference(prediction, target), [2, 3]), 1);
}
