import * as tf from '@tensorflow/tfjs-core';
import { toRuntime } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { forwardPass } from '../sampling/forwardPass.js';
import { hostValues } from '../tensor/hostValues.js';
import { batchTensors } from './loss.js';
import type { MicroBatch } from './trainStep.js';

/** A trained network whose predictions a student learns from. Its weights stay in the engine's memory until `dispose`. */
export interface Teacher {
  /** The same micro-batches with the teacher's prediction mixed into their targets. */
  retarget(batches: readonly MicroBatch[]): MicroBatch[];
  dispose(): void;
}

/**
 * Distillation by a changed target. For a student s, a teacher's prediction m, the true target n and a weight w,
 *
 *     (1 - w) |n - s|^2 + w |m - s|^2  =  |(1 - w) n + w m - s|^2  +  w (1 - w) |n - m|^2
 *
 * and the last term does not depend on s: training towards the mixed target has exactly the gradients of the weighted sum of
 * both losses. A loss that is reported while training lacks that last term. Where the variance is learned, its bound is taken
 * around the mixed target as well.
 *
 * EB-Diff-Train (arXiv 2504.09606) uses w = 0.7.
 *
 * @param weight of the teacher, in [0, 1]
 */
export function createTeacher(spec: UNetSpec, weights: Weights, weight: number): Teacher {
  const runtime = toRuntime(weights);
  const forward = forwardPass(spec, runtime);
  const mixedTarget = (batch: MicroBatch): Float32Array =>
    hostValues(() => {
      const { xt, timesteps, target } = batchTensors(spec, batch);
      const output = forward(xt, timesteps);
      // A network that learns the variance predicts it in further channels.
      const prediction = tf.slice(output, [0, 0, 0, 0], target.shape);
      return [tf.add(tf.mul(target, 1 - weight), tf.mul(prediction, weight))];
    })[0];
  return {
    retarget: (batches) => batches.map((batch) => ({ ...batch, target: mixedTarget(batch) })),
    dispose() {
      tf.dispose([...runtime.values()]);
      runtime.clear();
    },
  };
}
