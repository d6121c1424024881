import * as tf from '@tensorflow/tfjs-core';
import { inputError, interrupted } from '../contract/errors.js';
import { randomPermutation } from '../tensor/random.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import type { FeatureRows } from './featureExtractor.js';

/** Kernel Inception Distance's estimator (Binkowski et al. 2018, arXiv 1801.01401), on any features. */
export interface KernelDistance {
  /** Mean over the subsets; unbiased, so it may be slightly negative for equal distributions. */
  readonly mean: number;
  /** Standard deviation over the subsets (divided by their number). */
  readonly std: number;
  readonly subsets: number;
  /** Vectors drawn from each side, without replacement, for each subset. */
  readonly subsetSize: number;
}

export interface KernelDistanceOptions {
  /** (N, dimensions) row-major. */
  readonly first: FeatureRows;
  /** (M, dimensions) row-major. */
  readonly second: FeatureRows;
  readonly dimensions: number;
  /** Default 100. */
  readonly subsets?: number;
  /** Default 1000, or half of the smaller set where that is less: subsets that are the whole set would show no spread. */
  readonly subsetSize?: number;
  /** Seed of the subsets. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_SUBSETS = 100;
const DEFAULT_SUBSET_SIZE = 1000;

/**
 * Squared maximum mean discrepancy with the kernel (x.y / dimensions + 1)^3: mean and deviation over random subsets.
 * Throws `KID_SUBSET` when a subset does not fit into either set.
 */
export async function kernelDistance(options: KernelDistanceOptions): Promise<KernelDistance> {
  const { first, second, dimensions, seed, signal } = options;
  const firstCount = first.length / dimensions;
  const secondCount = second.length / dimensions;
  const smaller = Math.min(firstCount, secondCount);
  const subsets = options.subsets ?? DEFAULT_SUBSETS;
  const subsetSize = options.subsetSize ?? Math.min(DEFAULT_SUBSET_SIZE, Math.floor(smaller / 2));
  if (subsetSize < 2 || subsetSize > smaller || subsets < 1) {
    throw inputError(
      'KID_SUBSET',
      `${subsets} subsets of ${subsetSize} cannot be drawn from sets of ${firstCount} and ${secondCount} images`,
      'use more images (at least four) or smaller subsets',
    );
  }
  const values = new Float64Array(subsets);
  for (let subset = 0; subset < subsets; subset += 1) {
    if (signal?.aborted) throw interrupted();
    const firstRows = randomPermutation({ seed, stream: 'kid/first', index: subset }, firstCount);
    const secondRows = randomPermutation({ seed, stream: 'kid/second', index: subset }, secondCount);
    values[subset] = await maximumMeanDiscrepancy(
      gatherRows(first, firstRows.subarray(0, subsetSize), dimensions),
      gatherRows(second, secondRows.subarray(0, subsetSize), dimensions),
      dimensions,
    );
    await yieldToEventLoop();
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / subsets;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / subsets;
  return { mean, std: Math.sqrt(variance), subsets, subsetSize };
}

/** The unbiased estimator on whole sets of two or more vectors each. */
async function maximumMeanDiscrepancy(first: Float32Array, second: Float32Array, dimensions: number): Promise<number> {
  const firstCount = first.length / dimensions;
  const secondCount = second.length / dimensions;
  const a = tf.tensor2d(first, [firstCount, dimensions]);
  const b = tf.tensor2d(second, [secondCount, dimensions]);
  try {
    const withinFirst = await kernelSums(a, a);
    const withinSecond = await kernelSums(b, b);
    const across = await kernelSums(a, b);
    return (
      (withinFirst.all - withinFirst.diagonal) / (firstCount * (firstCount - 1)) +
      (withinSecond.all - withinSecond.diagonal) / (secondCount * (secondCount - 1)) -
      (2 * across.all) / (firstCount * secondCount)
    );
  } finally {
    tf.dispose([a, b]);
  }
}

/**
 * Sums of the kernel over all pairs of rows, and over pairs of equal index. Inner products come from the engine in float32: each has
 * its own rounding error, without bias, so the mean over a million pairs keeps far more digits. The rest is float64.
 */
async function kernelSums(first: tf.Tensor2D, second: tf.Tensor2D): Promise<{ all: number; diagonal: number }> {
  const [columns, dimensions] = second.shape;
  const products = tf.matMul(first, second, false, true);
  const values = await products.data<'float32'>();
  products.dispose();
  let all = 0;
  for (let index = 0; index < values.length; index += 1) {
    const base = values[index]! / dimensions + 1;
    all += base * base * base;
  }
  let diagonal = 0;
  for (let index = 0; index < values.length; index += columns + 1) diagonal += (values[index]! / dimensions + 1) ** 3;
  return { all, diagonal };
}

/** In float32, which feature networks compute in, so that nothing of theirs is lost. */
function gatherRows(source: FeatureRows, rows: Int32Array, dimensions: number): Float32Array {
  const gathered = new Float32Array(rows.length * dimensions);
  rows.forEach((row, position) => {
    gathered.set(source.subarray(row * dimensions, (row + 1) * dimensions), position * dimensions);
  });
  return gathered;
}
