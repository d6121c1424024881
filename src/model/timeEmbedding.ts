import * as tf from '@tensorflow/tfjs-core';

/** Wavelengths grow geometrically from 2π to this many times 2π. */
const MAX_PERIOD = 10_000;

/**
 * Sinusoidal embedding of timesteps (arXiv 2006.11239, after Vaswani et al. 2017): sines of all frequencies, then cosines,
 * with frequency i of h being 10000^(-i / (h - 1)).
 *
 * @param timesteps (N)
 * @param width even, at least 4
 * @returns (N, width) float32
 */
export function timeEmbedding(timesteps: tf.Tensor1D, width: number): tf.Tensor2D {
  const phases = tf.mul(
    tf.expandDims(tf.cast(timesteps, 'float32'), 1),
    tf.tensor2d(frequencies(width / 2), [1, width / 2]),
  );
  return tf.concat([tf.sin(phases), tf.cos(phases)], 1) as tf.Tensor2D;
}

/**
 * Rounded to float32 after each operation, as PyTorch computes them: a timestep of 999 multiplies a difference in the last
 * bit into a visible phase, and published weights were trained with these values.
 */
function frequencies(half: number): Float32Array {
  const logPeriod = Math.fround(-Math.log(MAX_PERIOD));
  return Float32Array.from({ length: half }, (_, i) => Math.exp(Math.fround(Math.fround(logPeriod * i) / (half - 1))));
}
