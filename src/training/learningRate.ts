import type { BaseConfig } from '../contract/config.js';

/** The course of the learning rate over a training. */
export interface LearningRateCourse {
  /** Learning rate after warm-up. */
  readonly learningRate: number;
  /** Updates of warm-up; update `warmup` is the first at the full rate, update 1 is never at rate 0. */
  readonly warmup: number;
  readonly learningRateDecay: BaseConfig['learningRateDecay'];
  /** Last update of the training, counted from its beginning. */
  readonly steps: number;
}

/**
 * Linear warm-up, then constant (DDPM's recipe, arXiv 2006.11239) or half a cosine down to zero (SGDR without restarts,
 * arXiv 1608.03983, eq. 5), which would be reached one update after the last. A function of the absolute update, so that a
 * resumed run goes on where it was.
 *
 * @param update 1-based count of optimizer updates
 */
export function learningRateAt(update: number, course: LearningRateCourse): number {
  const { learningRate, warmup, learningRateDecay, steps } = course;
  if (update < warmup) return (learningRate * update) / warmup;
  if (learningRateDecay === 'none') return learningRate;
  const start = Math.max(1, warmup);
  return (learningRate * (1 + Math.cos((Math.PI * (update - start)) / (steps + 1 - start)))) / 2;
}
