import * as tf from '@tensorflow/tfjs-core';

/**
 * Single-head attention, softmax(q·kᵀ·scale)·v, the softmax running over the keys (Vaswani et al. 2017, equation 1).
 *
 * @param q,k,v (N, tokens, width)
 * @param scale usually 1/√width
 * @returns (N, tokens, width)
 */
export function attention(q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D, scale: number): tf.Tensor3D {
  // Scaling the queries costs tokens·width products; scaling the scores would cost tokens².
  const scores = tf.matMul(tf.mul(q, scale), k, false, true);
  return tf.matMul(tf.softmax(scores), v);
}
