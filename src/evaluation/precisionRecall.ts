import * as tf from '@tensorflow/tfjs-core';
import { inputError, interrupted } from '../contract/errors.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import type { FeatureRows } from './featureExtractor.js';

/** Improved precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991), both in 0..1, higher is better. */
export interface PrecisionRecall {
  /** Share of generated images within the neighbourhood of a real one. */
  readonly precision: number;
  /** Share of real images within the neighbourhood of a generated one. */
  readonly recall: number;
  readonly neighbours: number;
}

export interface PrecisionRecallOptions {
  /** (N, dimensions) row-major. */
  readonly generated: FeatureRows;
  /** (M, dimensions) row-major. */
  readonly real: FeatureRows;
  readonly dimensions: number;
  /** The radius around an image reaches to this nearest other image of its own set. Default 3. */
  readonly neighbours?: number;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_NEIGHBOURS = 3;
/** Rows of distances held at a time: memory stays at this many times the larger set. */
const ROWS_AT_ONCE = 256;

/** @throws input error `TOO_FEW_IMAGES` when a set has no such neighbour */
export async function precisionRecall(options: PrecisionRecallOptions): Promise<PrecisionRecall> {
  const { dimensions, neighbours = DEFAULT_NEIGHBOURS, signal } = options;
  const generated = centred(options.generated, options.real, dimensions);
  const real = centred(options.real, options.real, dimensions);
  const smaller = Math.min(generated.length, real.length) / dimensions;
  if (smaller <= neighbours) {
    throw inputError(
      'TOO_FEW_IMAGES',
      `precision and recall look at the ${neighbours} nearest neighbours, but one set has ${smaller} images`,
      `use at least ${neighbours + 1} images on each side; thousands are needed for stable values`,
    );
  }
  const realRadii = await squaredRadii(real, dimensions, neighbours, signal);
  const generatedRadii = await squaredRadii(generated, dimensions, neighbours, signal);
  const precision = await shareInside(generated, real, realRadii, dimensions, signal);
  const recall = await shareInside(real, generated, generatedRadii, dimensions, signal);
  return { precision, recall, neighbours };
}

/** Features minus the mean of `origin`, in float32: distances stay the same and lose fewer digits to a common offset. */
function centred(features: FeatureRows, origin: FeatureRows, dimensions: number): Float32Array {
  const mean = new Float64Array(dimensions);
  const count = origin.length / dimensions;
  origin.forEach((value, index) => (mean[index % dimensions] += value / count));
  const differences = new Float32Array(features.length);
  for (let index = 0; index < features.length; index += 1) {
    differences[index] = features[index] - mean[index % dimensions];
  }
  return differences;
}

/** Squared distance of each row to its `neighbours`-th nearest other row. */
async function squaredRadii(
  features: Float32Array,
  dimensions: number,
  neighbours: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const count = features.length / dimensions;
  const radii = new Float32Array(count);
  await forEachRow(features, features, dimensions, signal, (row, distances) => {
    distances[row] = Infinity;
    radii[row] = smallest(distances, neighbours);
  });
  return radii;
}

/** The `rank`-th smallest value, rank from 1: one pass that keeps the smallest ones in order. */
function smallest(values: Float32Array, rank: number): number {
  const kept = new Float32Array(rank).fill(Infinity);
  for (const value of values) {
    if (value >= kept[rank - 1]) continue;
    let place = rank - 1;
    for (; place > 0 && kept[place - 1] > value; place -= 1) kept[place] = kept[place - 1];
    kept[place] = value;
  }
  return kept[rank - 1];
}

/** Share of `points` that lie within the radius of at least one of `centres`. */
async function shareInside(
  points: Float32Array,
  centres: Float32Array,
  radii: Float32Array,
  dimensions: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let inside = 0;
  await forEachRow(points, centres, dimensions, signal, (_row, distances) => {
    if (distances.some((distance, centre) => distance <= radii[centre])) inside += 1;
  });
  return inside / (points.length / dimensions);
}

/** Calls back with the squared distances of each row of `first` to all rows of `second`; products come from the engine. */
async function forEachRow(
  first: Float32Array,
  second: Float32Array,
  dimensions: number,
  signal: AbortSignal | undefined,
  visit: (row: number, distances: Float32Array) => void,
): Promise<void> {
  const columns = second.length / dimensions;
  const rows = first.length / dimensions;
  const firstSquares = squaredLengths(first, dimensions);
  const secondSquares = squaredLengths(second, dimensions);
  const others = tf.tensor2d(second, [columns, dimensions]);
  try {
    for (let start = 0; start < rows; start += ROWS_AT_ONCE) {
      if (signal?.aborted) throw interrupted();
      const batch = Math.min(ROWS_AT_ONCE, rows - start);
      const chunk = first.subarray(start * dimensions, (start + batch) * dimensions);
      const products = tf.tidy(() => tf.matMul(tf.tensor2d(chunk, [batch, dimensions]), others, false, true));
      const values = await products.data();
      products.dispose();
      for (let row = 0; row < batch; row += 1) {
        const distances = new Float32Array(columns);
        for (let column = 0; column < columns; column += 1) {
          const squared = firstSquares[start + row] + secondSquares[column] - 2 * values[row * columns + column];
          distances[column] = Math.max(squared, 0);
        }
        visit(start + row, distances);
      }
      await yieldToEventLoop();
    }
  } finally {
    others.dispose();
  }
}

function squaredLengths(features: Float32Array, dimensions: number): Float64Array {
  const squares = new Float64Array(features.length / dimensions);
  features.forEach((value, index) => (squares[Math.floor(index / dimensions)] += value * value));
  return squares;
}
