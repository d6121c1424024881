import type { Prediction } from './denoiser.js';

/** One step of a sampler, from a visited timestep to the next one (less noise), for any number of images. */
export interface ReverseStep extends Pick<Prediction, 'noise' | 'image'> {
  /** (N, ...) images at the timestep. */
  readonly x: Float32Array;
  /** alphaBar at the timestep, in [0, 1). At 0 the step needs `image`. */
  readonly alphaBar: number;
  /** alphaBar at the next timestep, in [alphaBar, 1] and above 0; 1 after the last one, where the image is clean. */
  readonly alphaBarNext: number;
  /** Clip the predicted image to [-1, 1]. */
  readonly clip: boolean;
  /** Standard deviation of the noise added after the step: one for all pixels, or one for each. */
  readonly deviation: number | Float32Array;
  /** Standard normal numbers, same layout as `x`; null if and only if `deviation` is 0. */
  readonly fresh: Float32Array | null;
}

/**
 * The image predicted for pixel `i`, as predicted or as the noise implies it: x_0 = (x_t - sqrt(1 - alphaBar) eps) /
 * sqrt(alphaBar); clipped to [-1, 1] if `clip` is set.
 */
export function predictedImage({ x, noise, image, alphaBar, clip }: ReverseStep, i: number): number {
  const x0 = image ? image[i] : (x[i] - Math.sqrt(1 - alphaBar) * noise[i]) / Math.sqrt(alphaBar);
  return clip ? Math.max(-1, Math.min(1, x0)) : x0;
}

/** What the step adds to pixel `i` at random. */
export function addedNoise({ deviation, fresh }: Pick<ReverseStep, 'deviation' | 'fresh'>, i: number): number {
  if (fresh === null) return 0;
  return (typeof deviation === 'number' ? deviation : deviation[i]) * fresh[i];
}
