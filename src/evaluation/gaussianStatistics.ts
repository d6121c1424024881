import { inputError } from '../contract/errors.js';
import { float64Algebra } from '../tensor/float64.js';

/**
 * Mean and covariance of feature vectors, accumulated in float64 and in constant memory: batches of any size, on any number of
 * machines, merged by the pairwise update of Chan, Golub and LeVeque (1979).
 */
export interface GaussianStatistics {
  readonly dimensions: number;
  /** Vectors seen. */
  readonly count: number;
  /** (dimensions) */
  readonly mean: Float64Array;
  /** (dimensions, dimensions) row-major sum of outer products of the deviations from the mean. */
  readonly scatter: Float64Array;
}

/** A Gaussian as the Frechet distance takes it, whether measured here or read from a statistics file. */
export interface Moments {
  readonly dimensions: number;
  /** (dimensions) */
  readonly mean: Float64Array;
  /** (dimensions, dimensions) row-major, divided by count - 1. */
  readonly covariance: Float64Array;
}

/** Statistics of no vectors at all: the start of an accumulation. */
export function emptyStatistics(dimensions: number): GaussianStatistics {
  return {
    dimensions,
    count: 0,
    mean: new Float64Array(dimensions),
    scatter: new Float64Array(dimensions * dimensions),
  };
}

/** Statistics of one batch of features, (N, dimensions) row-major, by two passes: first the mean, then the deviations. */
export function statisticsOf(features: Float64Array, dimensions: number): GaussianStatistics {
  const count = features.length / dimensions;
  if (!Number.isInteger(count)) {
    throw inputError(
      'FEATURES_SHAPE',
      `${features.length} feature values are not a whole number of ${dimensions}-dimensional vectors`,
      'pass features as (N, dimensions), row by row',
    );
  }
  const mean = new Float64Array(dimensions);
  for (let index = 0; index < features.length; index += 1) mean[index % dimensions]! += features[index]!;
  for (let axis = 0; axis < dimensions; axis += 1) mean[axis]! /= Math.max(count, 1);

  const data = features.map((value, index) => value - mean[index % dimensions]);
  const { data: scatter } = float64Algebra(dimensions).gram({ rows: count, columns: dimensions, data });
  return { dimensions, count, mean, scatter };
}

/** Statistics of the union of two disjoint sets of vectors, exactly (up to rounding) what one pass over both would give. */
export function mergeStatistics(first: GaussianStatistics, second: GaussianStatistics): GaussianStatistics {
  if (first.dimensions !== second.dimensions) {
    throw inputError(
      'FEATURES_DIFFER',
      `statistics of ${first.dimensions} and of ${second.dimensions} dimensions cannot be merged`,
      'use one feature network for every shard',
    );
  }
  if (first.count === 0) return second;
  if (second.count === 0) return first;
  const { dimensions } = first;
  const count = first.count + second.count;
  const root = Math.sqrt((first.count * second.count) / count);
  const data = first.mean.map((value, axis) => (second.mean[axis] - value) * root);
  const mean = first.mean.map((value, axis) => value + (second.mean[axis] - value) * (second.count / count));
  const { data: scatter } = float64Algebra(dimensions).gram({ rows: 1, columns: dimensions, data });
  for (let index = 0; index < scatter.length; index += 1)
    scatter[index] += first.scatter[index] + second.scatter[index];
  return { dimensions, count, mean, scatter };
}

/** Mean and unbiased covariance (divided by count - 1). At least two vectors are needed. */
export function momentsOf(statistics: GaussianStatistics): Moments {
  if (statistics.count < 2) {
    throw inputError(
      'TOO_FEW_IMAGES',
      `${statistics.count} images have no covariance`,
      'evaluate at least two images; thousands are needed for a stable distance',
    );
  }
  return {
    dimensions: statistics.dimensions,
    mean: statistics.mean,
    covariance: statistics.scatter.map((value) => value / (statistics.count - 1)),
  };
}
