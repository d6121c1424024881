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

/**
 * Attention in equal parts of the channels, each on its own (Vaswani et al. 2017, section 3.2.2).
 *
 * @param q,k (N, tokens, width)
 * @param v (N, tokens, width of the values)
 * @param heads divides both widths
 * @param scale usually 1/√(width of a head)
 * @returns (N, tokens, width of the values), heads side by side
 */
export function multiHeadAttention(
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
  scale: number,
  heads: number,
): tf.Tensor3D {
  if (heads === 1) return attention(q, k, v, scale);
  const [count, tokens, width] = v.shape;
  const parted = (x: tf.Tensor3D): tf.Tensor3D => {
    const perHead = x.shape[2] / heads;
    return tf.reshape(tf.transpose(tf.reshape(x, [count, tokens, heads, perHead]), [0, 2, 1, 3]), [
      count * heads,
      tokens,
      perHead,
    ]);
  };
  const mixed = tf.reshape(attention(parted(q), parted(k), parted(v), scale), [count, heads, tokens, width / heads]);
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [count, tokens, width]);
}
