import { inputError } from '../contract/errors.js';

/** Inception Score (Salimans et al. 2016, arXiv 1606.03498): mean and deviation over the splits, higher is better. */
export interface InceptionScore {
  readonly mean: number;
  readonly std: number;
  readonly splits: number;
}

const DEFAULT_SPLITS = 10;

/**
 * exp of the mean divergence KL(p(y|x) || p(y)) within each of `splits` consecutive parts of the images, whose sizes differ by
 * at most one.
 *
 * @param probabilities (N, classes) row-major; rows sum to 1
 * @throws input error `TOO_FEW_IMAGES` for fewer images than splits
 */
export function inceptionScore(probabilities: Float64Array, classes: number, splits = DEFAULT_SPLITS): InceptionScore {
  const count = probabilities.length / classes;
  if (count < splits) {
    throw inputError(
      'TOO_FEW_IMAGES',
      `${count} images cannot be split into ${splits} parts for the Inception Score`,
      `use at least ${splits} images; thousands are needed for a stable score`,
    );
  }
  const scores = Array.from({ length: splits }, (_, split) => {
    const from = Math.floor((split * count) / splits);
    const to = Math.floor(((split + 1) * count) / splits);
    return scoreOf(probabilities.subarray(from * classes, to * classes), classes);
  });
  const mean = scores.reduce((sum, score) => sum + score, 0) / splits;
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / splits;
  return { mean, std: Math.sqrt(variance), splits };
}

function scoreOf(probabilities: Float64Array, classes: number): number {
  const count = probabilities.length / classes;
  const marginal = new Float64Array(classes);
  probabilities.forEach((value, index) => (marginal[index % classes] += value / count));
  let divergence = 0;
  probabilities.forEach((value, index) => {
    if (value > 0) divergence += value * Math.log(value / marginal[index % classes]);
  });
  return Math.exp(divergence / count);
}
