import * as tf from '@tensorflow/tfjs-core';
import { fromRuntime, type RuntimeWeights } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import { unetForward } from '../model/unet.js';
import type { Weights } from '../model/weights.js';
import { batchTensors, imageLosses } from './loss.js';
import type { MicroBatch } from './trainStep.js';

/**
 * Gradients of one micro-batch's loss, the mean over images of what is trained on, without dropout. Leaves no
 * tensor behind.
 *
 * @param runtime weights in the engine's memory, not changed
 * @param names the tensors whose gradients are wanted; only these leave the engine
 * @returns gradients under the same names, in the host layouts of `Weights`
 */
export function lossGradients(
  spec: UNetSpec,
  runtime: RuntimeWeights,
  batch: MicroBatch,
  names: readonly string[],
): Weights {
  return lossAndGradients(spec, runtime, batch, names).gradients;
}

/** `lossGradients`, and the loss itself. */
export function lossAndGradients(
  spec: UNetSpec,
  runtime: RuntimeWeights,
  batch: MicroBatch,
  names: readonly string[],
): { loss: number; gradients: Weights } {
  const { value, grads } = tf.tidy(() => {
    const tensors = batchTensors(spec, batch);
    const loss = (...wanted: tf.Tensor[]): tf.Scalar => {
      const network = new Map(runtime);
      names.forEach((name, index) => network.set(name, wanted[index]));
      const output = unetForward(spec, network, tensors.xt, tensors.timesteps, null);
      return tf.mean(imageLosses(output, tensors).total);
    };
    return tf.valueAndGrads(loss)(names.map((name) => runtime.get(name)!));
  });
  try {
    return {
      loss: value.dataSync<'float32'>()[0],
      gradients: fromRuntime(new Map(names.map((name, index) => [name, grads[index]]))),
    };
  } finally {
    tf.dispose([value, ...grads]);
  }
}
