import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import { inputError } from '../contract/errors.js';
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

/** A with A A^T = covariance, one column for each direction in which the features vary; null when they are constant. */
function covarianceFactor({ covariance, dimensions }: Moments): Matrix | null {
  if (covariance.some((value) => !Number.isFinite(value))) {
    throw inputError(
      'FEATURES_NOT_FINITE',
      'the covariance of the features is not finite',
      'check the images for NaN or infinite values',
    );
  }
  const decomposition = new EigenvalueDecomposition(Matrix.from1DArray(dimensions, dimensions, covariance), {
    assumeSymmetric: true,
  });
  const eigenvalues = decomposition.realEigenvalues;
  // Below this an eigenvalue is the rounding error of a zero; its root would be 1e-8 where the truth is 0.
  const threshold = dimensions * Number.EPSILON * Math.max(...eigenvalues);
  const kept = eigenvalues.flatMap((value, index) => (value > threshold ? [index] : []));
  if (kept.length === 0) return null;
  const factor = new Matrix(dimensions, kept.length);
  kept.forEach((source, column) => {
    const root = Math.sqrt(eigenvalues[source]!);
    for (let row = 0; row < dimensions; row += 1) {
      factor.set(row, column, decomposition.eigenvectorMatrix.get(row, source) * root);
    }
  });
  return factor;
}

function traceOfRootProduct(first: Matrix | null, second: Matrix | null): number {
  if (first === null || second === null) return 0;
  const singularValues = new SingularValueDecomposition(first.transpose().mmul(second), {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
    autoTranspose: true,
  }).diagonal;
  return singularValues.reduce((sum, value) => sum + value, 0);
}
