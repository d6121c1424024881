import * as tf from '@tensorflow/tfjs-core';
import { recordedAfter } from './graph/recording.js';

/**
 * Gradient checkpointing (Chen et al. 2016, arXiv 1604.06174): `compute`, whose intermediate values are not kept for the
 * gradient but computed again when it is asked for. Value and gradients are those of `compute`.
 *
 * @param compute a function of nothing but its arguments that gives the same result each time
 * @param inputs what gradients may be asked for
 * @param constants what no gradient is asked for
 */
export function recomputed<T extends tf.Tensor>(
  compute: (inputs: readonly tf.Tensor[], constants: readonly tf.Tensor[]) => T,
  inputs: readonly tf.Tensor[],
  constants: readonly tf.Tensor[],
): T {
  const call = tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const given = args as tf.Tensor[];
    save([...given, ...constants]);
    return {
      value: compute(given, constants),
      gradFunc: (dy, saved) => {
        const again = (...fresh: tf.Tensor[]): tf.Tensor =>
          recordedAfter(dy as tf.Tensor, () => compute(fresh, saved.slice(given.length)));
        return onTapeOfItsOwn(() => tf.grads(again)(saved.slice(0, given.length), dy as tf.Tensor));
      },
    };
  });
  return call(...inputs) as T;
}

/** Gradients inside of a gradient: tfjs would take the inner ones' list of operations for the outer ones' and drop it. */
function onTapeOfItsOwn<T>(call: () => T): T {
  const { state } = tf.engine();
  const { activeTape } = state;
  try {
    return call();
  } finally {
    state.activeTape = activeTape;
  }
}
