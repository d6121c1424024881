import { inputError } from '../contract/errors.js';

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

  const scatter = new Float64Array(dimensions * dimensions);
  const deviation = new Float64Array(dimensions);
  for (let row = 0; row < count; row += 1) {
    for (let axis = 0; axis < dimensions; axis += 1) deviation[axis] = features[row * dimensions + axis]! - mean[axis]!;
    addOuterProduct(scatter, deviation, 1);
  }
  mirrorUpperTriangle(scatter, dimensions);
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
  const shift = new Float64Array(dimensions);
  const mean = new Float64Array(dimensions);
  for (let axis = 0; axis < dimensions; axis += 1) {
    shift[axis] = second.mean[axis]! - first.mean[axis]!;
    mean[axis] = first.mean[axis]! + shift[axis]! * (second.count / count);
  }
  const scatter = new Float64Array(dimensions * dimensions);
  addOuterProduct(scatter, shift, (first.count * second.count) / count);
  mirrorUpperTriangle(scatter, dimensions);
  for (let index = 0; index < scatter.length; index += 1) {
    scatter[index]! += first.scatter[index]! + second.scatter[index]!;
  }
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

/** Adds weight * v v^T to the upper triangle of a square row-major matrix. */
function addOuterProduct(matrix: Float64Array, vector: Float64Array, weight: number): void {
  const size = vector.length;
  for (let row = 0; row < size; row += 1) {
    const scaled = vector[row]! * weight;
    const offset = row * size;
    for (let column = row; column < size; column += 1) matrix[offset + column]! += scaled * vector[column]!;
  }
}

function mirrorUpperTriangle(matrix: Float64Array, size: number): void {
  for (let row = 0; row < size; row += 1) {
    for (let column = row + 1; column < size; column += 1) matrix[column * size + row] = matrix[row * size + column]!;
  }
}
