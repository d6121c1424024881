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
/** Rows that are multiplied at a time: enough for the engine's full speed, and of products of a set with itself few come twice. */
const BLOCK = 500;

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
  const draw = (stream: string, count: number) =>
    Array.from({ length: subsets }, (_, index) =>
      randomPermutation({ seed, stream, index }, count).slice(0, subsetSize).sort(),
    );
  const firstDraws = draw('kid/first', firstCount);
  const secondDraws = draw('kid/second', secondCount);
  const sides = (from: number, to: number): [Side, Side] => [
    { features: first, dimensions, draws: firstDraws.slice(from, to) },
    { features: second, dimensions, draws: secondDraws.slice(from, to) },
  ];
  // Rows that many subsets share are multiplied once for all of them, unless the sets are so large that few are shared.
  const together = (firstCount + secondCount) ** 2 <= subsets * (2 * subsetSize) ** 2;
  const step = together ? subsets : 1;
  const values: number[] = [];
  for (let from = 0; from < subsets; from += step) {
    values.push(...(await discrepancies(...sides(from, from + step), signal)));
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / subsets;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / subsets;
  return { mean, std: Math.sqrt(variance), subsets, subsetSize };
}

/** One side of a comparison. */
interface Side {
  readonly features: FeatureRows;
  readonly dimensions: number;
  /** For each subset its rows, ascending. */
  readonly draws: readonly Int32Array[];
}

/** The unbiased estimator for each pair of subsets, of two or more rows each. */
async function discrepancies(first: Side, second: Side, signal: AbortSignal | undefined): Promise<Float64Array> {
  const a = blocksOf(first);
  const b = blocksOf(second);
  const withinFirst = await kernelSums(a, a, signal);
  const across = await kernelSums(a, b, signal);
  const withinSecond = await kernelSums(b, b, signal);
  return across.map((sum, subset) => {
    const m = first.draws[subset].length;
    const n = second.draws[subset].length;
    return (2 * withinFirst[subset]) / (m * (m - 1)) + (2 * withinSecond[subset]) / (n * (n - 1)) - (2 * sum) / (m * n);
  });
}

/** Some of a side's rows, and which of them each subset has. */
interface Block {
  readonly upload: () => tf.Tensor2D;
  /** For each subset the places of its rows in the block, ascending. */
  readonly places: readonly Int32Array[];
}

/** The rows that any subset has. */
function blocksOf({ features, dimensions, draws }: Side): Block[] {
  const used = [...new Set(draws.flatMap((rows) => [...rows]))].sort((a, b) => a - b);
  const blocks: Block[] = [];
  for (let start = 0; start < used.length; start += BLOCK) {
    const rows = used.slice(start, start + BLOCK);
    const placeOf = new Map(rows.map((row, place) => [row, place]));
    const places = draws.map((drawn) => drawn.filter((row) => placeOf.has(row)).map((row) => placeOf.get(row)!));
    blocks.push({
      upload: () => tf.tensor2d(gatherRows(features, rows, dimensions), [rows.length, dimensions]),
      places,
    });
  }
  return blocks;
}

/**
 * For each subset the sum of the kernel over its pairs of rows, each pair once where both sides are the same, and none of a row with
 * itself. Inner products come from the engine in float32: each has its own rounding error, without bias, so the mean over a million
 * pairs keeps far more digits. The rest is float64.
 */
async function kernelSums(
  first: readonly Block[],
  second: readonly Block[],
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const sums = new Float64Array(first[0].places.length);
  for (const [index, a] of first.entries()) {
    if (signal?.aborted) throw interrupted();
    for (const b of first === second ? second.slice(index) : second) {
      const inner = { ...(await innerProducts(a, b)), above: a === b };
      for (let subset = 0; subset < sums.length; subset += 1) {
        sums[subset] += sumOfKernel(inner, a.places[subset], b.places[subset]);
      }
    }
    await yieldToEventLoop();
  }
  return sums;
}

/** Of two blocks' rows. Nothing stays on the engine: the rows of whole sets would take more memory there than they do here. */
async function innerProducts(first: Block, second: Block): Promise<Omit<InnerProducts, 'above'>> {
  const [a, b] = [first.upload(), second.upload()];
  const tensor = tf.matMul(a, b, false, true);
  const products = await tensor.data<'float32'>();
  tf.dispose([a, b, tensor]);
  const [width, dimensions] = b.shape;
  return { products, width, dimensions };
}

/** Inner products, row-major; of a square those `above` the diagonal count. */
interface InnerProducts {
  readonly products: Float32Array;
  readonly width: number;
  readonly dimensions: number;
  readonly above: boolean;
}

function sumOfKernel(
  { products, width, dimensions, above }: InnerProducts,
  rows: Int32Array,
  columns: Int32Array,
): number {
  let sum = 0;
  for (let i = 0; i < rows.length; i += 1) {
    const row = rows[i] * width;
    for (let j = above ? i + 1 : 0; j < columns.length; j += 1) {
      const base = products[row + columns[j]] / dimensions + 1;
      sum += base * base * base;
    }
  }
  return sum;
}

/** In float32, which feature networks compute in, so that nothing of theirs is lost. `rows` ascend. */
function gatherRows(source: FeatureRows, rows: readonly number[], dimensions: number): Float32Array {
  const [first, last] = [rows[0], rows.at(-1)!];
  if (source instanceof Float32Array && last - first + 1 === rows.length) {
    return source.subarray(first * dimensions, (last + 1) * dimensions);
  }
  const gathered = new Float32Array(rows.length * dimensions);
  rows.forEach((row, position) => {
    gathered.set(source.subarray(row * dimensions, (row + 1) * dimensions), position * dimensions);
  });
  return gathered;
}
