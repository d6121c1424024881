import type { SamplingConfig } from '../contract/config.js';
import { predictedImage, type ReverseStep } from './reverseStep.js';

/**
 * Standard deviation of the noise of an ancestral step (DDPM, arXiv 2006.11239, section 3.2). Where steps are skipped, beta is
 * that of the whole jump: 1 - alphaBar / alphaBarNext. No noise follows the last step.
 * @param variance `small` = variance of the posterior q(x_next | x_t, x_0), `large` = beta
 */
export function ddpmDeviation(alphaBar: number, alphaBarNext: number, variance: SamplingConfig['variance']): number {
  if (alphaBarNext === 1) return 0;
  const beta = 1 - alphaBar / alphaBarNext;
  return Math.sqrt(variance === 'large' ? beta : (beta * (1 - alphaBarNext)) / (1 - alphaBar));
}

/**
 * One ancestral step: the mean of q(x_next | x_t, x_0) at the predicted, clipped image, plus noise (DDPM, arXiv 2006.11239,
 * eq. 7). The clip comes before the mean, or it would have no effect.
 *
 * @returns images at the next timestep, same layout as `step.x`
 */
export function ddpmStep(step: ReverseStep): Float32Array {
  const { x, noise, alphaBar, alphaBarNext, clip, deviation, fresh } = step;
  const alpha = alphaBar / alphaBarNext;
  const imageWeight = (Math.sqrt(alphaBarNext) * (1 - alpha)) / (1 - alphaBar);
  const currentWeight = (Math.sqrt(alpha) * (1 - alphaBarNext)) / (1 - alphaBar);
  return x.map(
    (value, i) =>
      imageWeight * predictedImage(value, noise[i], alphaBar, clip) +
      currentWeight * value +
      (fresh === null ? 0 : deviation * fresh[i]),
  );
}
