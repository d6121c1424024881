import * as tf from '@tensorflow/tfjs-core';

/**
 * Computes tensors and copies their values to host memory; everything made on the way is freed.
 *
 * Arrays must not be handed out of `tf.tidy` itself: it looks at every number of them for tensors, 30 ms for 64 small images.
 */
export function hostValues(compute: () => readonly tf.Tensor[]): Float32Array[] {
  const tensors = tf.tidy(() => [...compute()]);
  try {
    // Copies: some engines hand out their own memory.
    return tensors.map((tensor) => new Float32Array(tensor.dataSync<'float32'>()));
  } finally {
    tf.dispose(tensors);
  }
}
