import * as tf from '@tensorflow/tfjs-core';
import type { UNetSpec } from '../model/spec.js';
import type { MicroBatch } from './trainStep.js';

/** A micro-batch in the engine: `xt` and `target` (N, H, W, C), `timesteps` (N), `weights` (N). */
interface BatchTensors {
  readonly xt: tf.Tensor4D;
  readonly target: tf.Tensor4D;
  readonly timesteps: tf.Tensor1D;
  readonly weights: tf.Tensor1D;
}

/** Uploads a micro-batch; call inside `tf.tidy`. */
export function batchTensors(spec: UNetSpec, batch: MicroBatch): BatchTensors {
  const { size, inChannels, outChannels } = spec;
  return {
    xt: tf.tensor4d(batch.xt, [batch.count, size, size, inChannels]),
    target: tf.tensor4d(batch.target, [batch.count, size, size, outChannels]),
    timesteps: tf.tensor1d(batch.timesteps, 'int32'),
    weights: tf.tensor1d(batch.weights),
  };
}

/** Mean squared error of each image, over pixels and channels: (N, H, W, C) twice to (N). The simple loss of DDPM, eq. 14. */
export function perImageSquaredError(prediction: tf.Tensor4D, target: tf.Tensor4D): tf.Tensor1D {
  return tf.mean(tf.mean(tf.squaredDifference(prediction, target), [2, 3]), 1);
}
