import * as tf from '@tensorflow/tfjs-core';

/**
 * Fully connected layer: x·weight + bias.
 *
 * @param x (N, in)
 * @param weight (in, out)
 * @param bias (out), or null for none
 * @returns (N, out)
 */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D | null): tf.Tensor2D {
  const product: tf.Tensor2D = tf.matMul(x, weight);
  return bias === null ? product : tf.add<tf.Tensor2D>(product, bias);
}
