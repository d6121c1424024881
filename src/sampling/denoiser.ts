/** What a network says about images at one timestep. All arrays have the layout of the images. */
export interface Prediction {
  /** Predicted noise. */
  readonly noise: Float32Array;
  /**
   * Predicted images where the noise does not imply them, because nothing of the image is left at the timestep; absent elsewhere.
   */
  readonly image?: Float32Array;
  /**
   * Where the log variance of an ancestral step lies between that of the posterior (0) and beta (1), per pixel, from networks
   * that learn it (improved DDPM, arXiv 2102.09672, eq. 15); absent from others.
   */
  readonly varianceFraction?: Float32Array;
}

/**
 * What every sampler calls: the prediction of a network at one timestep. All images of a batch share the timestep, so a router
 * can give the whole batch to one expert.
 */
export interface Denoiser {
  /** Where there is one: to be awaited before predictions at a timestep, which may need a network that is not in memory. */
  prepare?(timestep: number): Promise<void>;
  /**
   * @param x (count, H, W, C) row-major images at `timestep`
   * @param timestep integer in [0, T)
   */
  predict(x: Float32Array, count: number, timestep: number): Prediction;
  dispose(): void;
}
