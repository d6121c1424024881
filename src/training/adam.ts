import * as tf from '@tensorflow/tfjs-core';

/** Adam as published (arXiv 1412.6980) and as PyTorch computes it; decay rates and epsilon of DDPM's recipe. */
export const BETA1 = 0.9;
export const BETA2 = 0.999;
export const EPSILON = 1e-8;

/** One bucket's vectors, all of one length. */
export type AdamSlots = {
  readonly weights: tf.Tensor1D;
  readonly ema: tf.Tensor1D;
  readonly firstMoment: tf.Tensor1D;
  readonly secondMoment: tf.Tensor1D;
};

/** The numbers of one update. */
interface AdamSettings {
  /** 1-based, for the bias correction. */
  readonly update: number;
  readonly learningRate: number;
  readonly emaDecay: number;
  /** What gradients are multiplied by first: 1, or less where the global norm is clipped. */
  readonly gradientScale: number;
}

/** What gradients are multiplied by so that their global norm is at most `clip`; the small constant is PyTorch's. */
export function clipScale(norm: number, clip: number): number {
  return Math.min(1, clip / (norm + 1e-6));
}

/**
 * One Adam update of every bucket and of the moving average of its weights. Takes over slots and gradients: a bucket's are
 * disposed as soon as its new values exist, so that no two whole states are ever in memory. The results are the caller's.
 *
 * `m' = b1 m + (1 - b1) g`, `v' = b2 v + (1 - b2) g^2`,
 * `w' = w - rate / (1 - b1^t) * m' / (sqrt(v' / (1 - b2^t)) + eps)`, `ema' = ema + (1 - d) (w' - ema)`.
 */
export function adamUpdate(
  slots: readonly AdamSlots[],
  gradients: readonly tf.Tensor1D[],
  settings: AdamSettings,
): AdamSlots[] {
  const { update, learningRate, emaDecay, gradientScale } = settings;
  // Scalars are uploaded once for all buckets: every engine call with a plain number would upload its own.
  const numbers = {
    gradientScale: tf.scalar(gradientScale),
    keepFirst: tf.scalar(BETA1),
    addFirst: tf.scalar(1 - BETA1),
    keepSecond: tf.scalar(BETA2),
    addSecond: tf.scalar(1 - BETA2),
    rootCorrection: tf.scalar(1 / Math.sqrt(1 - BETA2 ** update)),
    epsilon: tf.scalar(EPSILON),
    stepSize: tf.scalar(learningRate / (1 - BETA1 ** update)),
    addEma: tf.scalar(1 - emaDecay),
  };
  const updateBucket = ({ weights, ema, firstMoment, secondMoment }: AdamSlots, bucketGradient: tf.Tensor1D) =>
    tf.tidy((): AdamSlots => {
      const gradient = tf.mul(bucketGradient, numbers.gradientScale);
      const first = tf.add<tf.Tensor1D>(tf.mul(firstMoment, numbers.keepFirst), tf.mul(gradient, numbers.addFirst));
      const second = tf.add<tf.Tensor1D>(
        tf.mul(secondMoment, numbers.keepSecond),
        tf.mul(tf.square(gradient), numbers.addSecond),
      );
      const denominator = tf.add(tf.mul(tf.sqrt(second), numbers.rootCorrection), numbers.epsilon);
      const next = tf.sub<tf.Tensor1D>(weights, tf.mul(tf.div(first, denominator), numbers.stepSize));
      // In this form the rounding of decays near 1 cannot pull the average away from constant weights.
      const average = tf.add<tf.Tensor1D>(ema, tf.mul(tf.sub(next, ema), numbers.addEma));
      return { weights: next, ema: average, firstMoment: first, secondMoment: second };
    });
  const updated = slots.map((bucket, index) => {
    const next = updateBucket(bucket, gradients[index]);
    tf.dispose([bucket, gradients[index]]);
    return next;
  });
  tf.dispose(numbers);
  return updated;
}
