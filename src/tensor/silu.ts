import * as tf from '@tensorflow/tfjs-core';

/**
 * SiLU, x·σ(x), element-wise (Elfwing et al. 2018). The gradient is fused: with s = σ(x) and y = x·s it is s + y·(1 − s)
 * = y + s·(1 − y), four operations on values the forward pass has already made.
 */
export function silu<T extends tf.Tensor>(x: T): T {
  return siluWithGradient(x) as T;
}

const siluWithGradient = tf.customGrad((...args) => {
  const [x, save] = args as [tf.Tensor, tf.GradSaveFunc];
  const s = tf.sigmoid(x);
  const y = tf.mul(x, s);
  save([s, y]);
  return {
    value: y,
    gradFunc: (dy, saved) => {
      const [s, y] = saved as [tf.Tensor, tf.Tensor];
      return tf.mul(dy as tf.Tensor, tf.add(y, tf.mul(s, tf.sub(1, y))));
    },
  };
});
