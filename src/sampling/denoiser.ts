/**
 * What every sampler calls: the noise prediction of a network at one timestep. All images of a batch share the timestep, so
 * a router can give the whole batch to one expert.
 */
export interface Denoiser {
  /**
   * @param x (count, H, W, C) row-major images at `timestep`
   * @param timestep integer in [0, T)
   * @returns predicted noise, same layout as `x`
   */
  predictNoise(x: Float32Array, count: number, timestep: number): Float32Array;
  dispose(): void;
}
