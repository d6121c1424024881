import { inputError } from '../contract/errors.js';
import { float64Algebra, type Matrix64 } from '../tensor/float64.js';
import type { Moments } from './gaussianStatistics.js';

/**
 * Frechet distance of two Gaussians (Dowson and Landau 1982; Heusel et al. 2017, arXiv 1706.08500):
 *
 *     |mu1 - mu2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^1/2)
 *
 * in float64. With S1 = A A^T and S2 = B B^T from symmetric eigen-decompositions, the last trace is
 * sum sqrt(eig(S1^1/2 S2 S1^1/2)), which equals the sum of the singular values of A^T B. Taking singular values rather than
 * roots of eigenvalues keeps rounding at the level of the result when a covariance is rank-deficient (fewer images than
 * dimensions): no complex numbers, no added diagonal, and identical sets are at distance 0.
 *
 * The name of the metric depends on the features: only Inception features make it an FID.
 */
export function frechetDistance(first: Moments, second: Moments): number {
  if (first.dimensions !== second.dimensions) {
    throw inputError(
      'FEATURES_DIFFER',
      `features of ${first.dimensions} and of ${second.dimensions} dimensions cannot be compared`,
      'compute both sets with the same feature network',
    );
  }
  const { dimensions } = first;
  let distance = 0;
  for (let axis = 0; axis < dimensions; axis += 1) {
    const diagonal = axis * dimensions + axis;
    distance +=
      (first.mean[axis]! - second.mean[axis]!) ** 2 + first.covariance[diagonal]! + second.covariance[diagonal]!;
  }
  return distance - 2 * traceOfRootProduct(covarianceFactor(first), covarianceFactor(second));
}

/**
 * A with A A^T = covariance, transposed: one row for each direction in which the features vary; null when they are constant.
 */
function covarianceFactor({ covariance, dimensions }: Moments): Matrix64 | null {
  if (covariance.some((value) => !Number.isFinite(value))) {
    throw inputError(
      'FEATURES_NOT_FINITE',
      'the covariance of the features is not finite',
      'check the images for NaN or infinite values',
    );
  }
  const { values, vectors } = float64Algebra(dimensions).symmetricEigen({
    rows: dimensions,
    columns: dimensions,
    data: covariance,
  });
  // Below this an eigenvalue is the rounding error of a zero; its root would be 1e-8 where the truth is 0.
  const threshold = dimensions * Number.EPSILON * values.reduce((largest, value) => Math.max(largest, value), 0);
  const kept = [...values.keys()].filter((index) => values[index] > threshold);
  if (kept.length === 0) return null;
  const data = new Float64Array(kept.length * dimensions);
  kept.forEach((source, row) => {
    const root = Math.sqrt(values[source]);
    for (let axis = 0; axis < dimensions; axis += 1) {
      data[row * dimensions + axis] = vectors.data[axis * dimensions + source] * root;
    }
  });
  return { rows: kept.length, columns: dimensions, data };
}

function traceOfRootProduct(first: Matrix64 | null, second: Matrix64 | null): number {
  if (first === null || second === null) return 0;
  const algebra = float64Algebra(first.columns);
  const singularValues = algebra.singularValues(algebra.multiplyTransposed(first, second));
  return singularValues.reduce((sum, value) => sum + value, 0);
}
