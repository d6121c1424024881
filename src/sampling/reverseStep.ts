/** One step of a sampler, from a visited timestep to the next one (less noise), for any number of images. */
export interface ReverseStep {
  /** (N, ...) images at the timestep. */
  readonly x: Float32Array;
  /** Predicted noise, same layout. */
  readonly noise: Float32Array;
  /** alphaBar at the timestep, in (0, 1). */
  readonly alphaBar: number;
  /** alphaBar at the next timestep, in [alphaBar, 1]; 1 after the last one, where the image is clean. */
  readonly alphaBarNext: number;
  /** Clip the predicted image to [-1, 1]. */
  readonly clip: boolean;
  /** Standard deviation of the noise added after the step. */
  readonly deviation: number;
  /** Standard normal numbers, same layout as `x`; null if and only if `deviation` is 0. */
  readonly fresh: Float32Array | null;
}

/**
 * The image that a noise prediction implies for one pixel: x_0 = (x_t - sqrt(1 - alphaBar) eps) / sqrt(alphaBar), clipped to
 * [-1, 1] if `clip` is set.
 */
export function predictedImage(x: number, noise: number, alphaBar: number, clip: boolean): number {
  const x0 = (x - Math.sqrt(1 - alphaBar) * noise) / Math.sqrt(alphaBar);
  return clip ? Math.max(-1, Math.min(1, x0)) : x0;
}
