import type { SamplingConfig } from '../contract/config.js';
import { posterior } from '../diffusion/posterior.js';
import { addNoise, predictedImages, type ReverseStep } from './reverseStep.js';

/**
 * Standard deviation of the noise of an ancestral step (DDPM, arXiv 2006.11239, section 3.2). Where steps are skipped, beta is
 * that of the whole jump. No noise follows the last step.
 * @param variance `small` = variance of the posterior q(x_next | x_t, x_0), `large` = beta
 */
export function ddpmDeviation(alphaBar: number, alphaBarNext: number, variance: SamplingConfig['variance']): number {
  if (alphaBarNext === 1) return 0;
  const bounds = posterior(alphaBar, alphaBarNext);
  return Math.sqrt(variance === 'large' ? bounds.beta : bounds.variance);
}

/**
 * Standard deviations of a step whose variance the network learned: its logarithm lies between those of the posterior and of
 * beta (improved DDPM, arXiv 2102.09672, eq. 15).
 * @param fraction 0 = posterior, 1 = beta, per pixel
 * @returns one per pixel; 0 after the last step
 */
export function learnedDeviation(alphaBar: number, alphaBarNext: number, fraction: Float32Array): Float32Array | 0 {
  // Equal timesteps, which a grid may repeat, have no noise between them.
  if (alphaBarNext === 1 || alphaBarNext === alphaBar) return 0;
  const { variance, beta } = posterior(alphaBar, alphaBarNext);
  const logPosterior = Math.log(variance);
  const logRatio = Math.log(beta) - logPosterior;
  return fraction.map((share) => Math.exp(0.5 * (logPosterior + share * logRatio)));
}

/**
 * One ancestral step: the mean of q(x_next | x_t, x_0) at the predicted, clipped image, plus noise (DDPM, arXiv 2006.11239,
 * eq. 7). The clip comes before the mean, or it would have no effect.
 *
 * @returns images at the next timestep, same layout as `step.x`
 */
export function ddpmStep(step: ReverseStep): Float32Array {
  const { ofImage, ofXt } = posterior(step.alphaBar, step.alphaBarNext);
  const images = predictedImages(step);
  for (let i = 0; i < images.length; i++) images[i] = ofImage * images[i] + ofXt * step.x[i];
  addNoise(images, step);
  return new Float32Array(images);
}
