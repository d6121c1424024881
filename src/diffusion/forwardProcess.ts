import type { NoiseSchedule } from './noiseSchedule.js';

/**
 * Samples q(x_t | x_0) = N(sqrt(alphaBar_t) x_0, (1 - alphaBar_t) I) with the noise given (DDPM, arXiv 2006.11239, eq. 4).
 *
 * @param x0 (N, ...) images in [-1, 1]; N = `timesteps.length`, all images equally large
 * @param noise standard normal numbers, same layout as `x0`
 * @param timesteps (N) integers in [0, T), one per image
 * @returns noised images, same layout as `x0`
 */
export function addNoise(
  schedule: NoiseSchedule,
  x0: Float32Array,
  noise: Float32Array,
  timesteps: Int32Array,
): Float32Array {
  const pixels = x0.length / timesteps.length;
  const noised = new Float32Array(x0.length);
  timesteps.forEach((t, image) => {
    const signalScale = Math.sqrt(schedule.alphaBar[t]);
    const noiseScale = Math.sqrt(1 - schedule.alphaBar[t]);
    for (let i = image * pixels; i < (image + 1) * pixels; i++) {
      noised[i] = signalScale * x0[i] + noiseScale * noise[i];
    }
  });
  return noised;
}
