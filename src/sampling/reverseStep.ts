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
 * The predicted images, as predicted or as the noise implies them: x_0 = (x_t - sqrt(1 - alphaBar) eps) / sqrt(alphaBar); clipped
 * to [-1, 1] if `clip` is set. Same layout as `x`.
 */
export function predictedImages({ x, noise, image, alphaBar, clip }: ReverseStep): Float64Array {
  const noiseScale = Math.sqrt(1 - alphaBar);
  const signalScale = Math.sqrt(alphaBar);
  const images = new Float64Array(x.length);
  for (let i = 0; i < images.length; i++) {
    const x0 = image ? image[i] : (x[i] - noiseScale * noise[i]) / signalScale;
    images[i] = clip ? Math.max(-1, Math.min(1, x0)) : x0;
  }
  return images;
}

/** Adds to every pixel what the step adds at random, in place. */
export function addNoise(images: Float64Array, { deviation, fresh }: Pick<ReverseStep, 'deviation' | 'fresh'>): void {
  if (fresh === null) return;
  for (let i = 0; i < images.length; i++) {
    images[i] += (typeof deviation === 'number' ? deviation : deviation[i]) * fresh[i];
  }
}
