import * as tf from '@tensorflow/tfjs-core';
import { fusedGroupNorm, hasFusedGroupNorm } from './fusedGroupNorm.js';
import { silu } from './silu.js';

/** What stands beside a norm and is computed with it where the engine can. */
export interface NormOptions {
  /** (N, C), added to x before the norm; null (default) for none. */
  readonly bias?: tf.Tensor2D | null;
  /** What follows the norm; null (default) for nothing. */
  readonly activation?: 'silu' | null;
}

/**
 * Group normalisation (Wu & He 2018): every image's channels are split into `groups` equal runs, and each run is brought to
 * mean 0 and variance 1 over its pixels and channels before the affine map γ·x̂ + β.
 *
 * The native engine on a processor does it in one operation of our own; elsewhere it is composed of the engine's.
 *
 * @param x (N, H, W, C)
 * @param gamma (C)
 * @param beta (C)
 * @param groups divides C
 * @param eps added to the variance, inside the reciprocal square root
 * @returns (N, H, W, C)
 */
export function groupNorm(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  groups: number,
  eps: number,
  { bias = null, activation = null }: NormOptions = {},
): tf.Tensor4D {
  const [images, , , channels] = x.shape;
  if (channels % groups !== 0) throw new Error(`${groups} groups do not divide ${channels} channels`);
  if (hasFusedGroupNorm()) {
    return fusedGroupNorm({ x, bias, gamma, beta, groups, eps, silu: activation === 'silu' });
  }
  const biased = bias === null ? x : tf.add<tf.Tensor4D>(x, tf.reshape(bias, [images, 1, 1, channels]));
  const normal = composedGroupNorm(biased, gamma, beta, groups, eps);
  return activation === 'silu' ? silu(normal) : normal;
}

/**
 * The norm alone, of every engine's operations.
 *
 * Statistics are column sums (over the pixels, per channel) followed by tiny sums over the channels of a group: the large
 * tensors are only ever read row by row, which is faster than a 4-D mean over (pixels, channels of a group).
 * The variance is taken around the mean, not as E[x²] − E[x]², which would cancel in float32.
 */
function composedGroupNorm(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  groups: number,
  eps: number,
): tf.Tensor4D {
  const [images, height, width, channels] = x.shape;
  const layout: Layout = { images, pixels: height * width, channels, groups };
  const normalise = tf.customGrad((...args) => {
    const [rows, gamma, beta, save] = args as [tf.Tensor3D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    const mean = groupMean(rows, layout);
    const variance = groupMean(tf.squaredDifference(rows, mean), layout);
    const inverseStd = tf.rsqrt(tf.add(variance, eps));
    const scale = tf.mul(inverseStd, gamma);
    save([rows, gamma, mean, inverseStd]);
    return {
      value: tf.add(tf.mul(rows, scale), tf.sub(beta, tf.mul(mean, scale))),
      gradFunc: (dy, saved) => gradients(dy as tf.Tensor3D, saved, layout),
    };
  });
  const rows = tf.reshape(x, [images, height * width, channels]);
  return tf.reshape(normalise(rows, gamma, beta), [images, height, width, channels]);
}

interface Layout {
  readonly images: number;
  readonly pixels: number;
  readonly channels: number;
  readonly groups: number;
}

/** Mean over each group of (N, pixels, C), repeated for every channel of the group: (N, 1, C). */
function groupMean(rows: tf.Tensor3D, layout: Layout): tf.Tensor3D {
  return tf.div(groupSum(tf.sum(rows, 1, true), layout), (layout.pixels * layout.channels) / layout.groups);
}

/** Sum over the channels of each group of (N, 1, C), repeated for every channel of the group: (N, 1, C). */
function groupSum(perChannel: tf.Tensor3D, { images, channels, groups }: Layout): tf.Tensor3D {
  const perGroup = tf.sum(tf.reshape(perChannel, [images, groups, channels / groups]), 2, true);
  return tf.reshape(tf.tile(perGroup, [1, 1, channels / groups]), [images, 1, channels]);
}

/**
 * With x̂ = (x − μ)/σ, n elements in a group, and sums over a group:
 * dβ = Σ dy, dγ = Σ dy·x̂ (over images and pixels), dx = (γ·dy − (Σ γ·dy + x̂·Σ γ·dy·x̂)/n)/σ.
 * dx is evaluated as dy·a + x·b + c with one a, b and c per image and channel, so the large tensors are passed over as few
 * times as possible.
 */
function gradients(dy: tf.Tensor3D, saved: tf.Tensor[], layout: Layout): tf.Tensor[] {
  const [rows, gamma, mean, inverseStd] = saved as [tf.Tensor3D, tf.Tensor1D, tf.Tensor3D, tf.Tensor3D];
  const elements = (layout.pixels * layout.channels) / layout.groups;
  const sumDy = tf.sum(dy, 1, true);
  const sumDyNormal = tf.mul(tf.sub(tf.sum(tf.mul(dy, rows), 1, true), tf.mul(mean, sumDy)), inverseStd);
  const meanGradient = tf.div(groupSum(tf.mul(gamma, sumDy), layout), elements);
  const varianceGradient = tf.div(groupSum(tf.mul(gamma, sumDyNormal), layout), elements);
  const a = tf.mul(gamma, inverseStd);
  const b = tf.neg(tf.mul(varianceGradient, tf.square(inverseStd)));
  const c = tf.neg(tf.add(tf.mul(meanGradient, inverseStd), tf.mul(b, mean)));
  const dx = tf.add(tf.add(tf.mul(dy, a), tf.mul(rows, b)), c);
  return [dx, tf.sum(sumDyNormal, [0, 1]), tf.sum(sumDy, [0, 1])];
}
