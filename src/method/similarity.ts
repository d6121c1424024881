import { interrupted } from '../contract/errors.js';
import { toRuntime } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { randomIntegers } from '../tensor/random.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { openGradients } from '../training/gradients.js';
import type { MicroBatch } from '../training/trainStep.js';

/**
 * Gradient similarity of timesteps (task affinity of ANT, arXiv 2306.00354): the cosine between the gradients of the loss at two
 * timesteps, on the same images and noises. A gradient is kept as a short random projection of it, because one full gradient
 * for each timestep would not fit in memory.
 */

/** `points` timesteps from 0 to T - 1, ends included, as evenly as whole numbers allow; fewer where T is smaller. */
export function similarityGrid(timesteps: number, points: number): number[] {
  const count = Math.min(points, timesteps);
  if (count === 1) return [0];
  return Array.from({ length: count }, (_, i) => Math.round((i * (timesteps - 1)) / (count - 1)));
}

/**
 * Adds the random projection of a gradient to `sketch`. Every element goes to one place of the sketch, chosen at random, with a
 * random sign (the sparse sign projection of feature hashing, Weinberger et al. 2009). Inner products of two sketches are
 * unbiased, with variance at most (|a|^2 |b|^2 + (a.b)^2) / dimensions, so a cosine is off by about sqrt(2 / dimensions).
 * The projection is linear and a function of the seed and of each tensor's name.
 */
export function addProjection(sketch: Float64Array, gradient: Weights, seed: number): void {
  for (const [name, { data }] of gradient) {
    const places = randomIntegers({ seed, stream: `similarity/${name}`, index: 0 }, data.length, 0, 2 * sketch.length);
    places.forEach((place, element) => {
      sketch[place >> 1] += (place & 1) === 0 ? data[element] : -data[element];
    });
  }
}

/** Projects gradients of one network; holds its weights in the engine's memory until `dispose`. */
export interface GradientSketcher {
  /**
   * The projected gradient of the summed loss over `batches` with respect to all weights. Holds one gradient at a time.
   * @throws `INTERRUPTED` between batches
   */
  sketch(batches: readonly MicroBatch[], signal?: AbortSignal): Promise<Float64Array>;
  dispose(): void;
}

/**
 * @param dimensions length of the projection
 * @param warn told why gradients are slower than the engine could compute them
 */
export function createGradientSketcher(
  spec: UNetSpec,
  weights: Weights,
  {
    dimensions,
    seed,
    warn,
  }: { readonly dimensions: number; readonly seed: number; readonly warn?: (message: string) => void },
): GradientSketcher {
  const runtime = toRuntime(weights);
  const network = openGradients(spec, runtime, [...runtime.keys()], warn);
  return {
    async sketch(batches, signal) {
      const sketch = new Float64Array(dimensions);
      for (const batch of batches) {
        if (signal?.aborted) throw interrupted();
        const part = new Float64Array(dimensions);
        addProjection(part, network.compute(batch).gradients, seed);
        // Losses are means over a batch, and the last batch may be smaller.
        part.forEach((value, place) => (sketch[place] += value * batch.count));
        await yieldToEventLoop();
      }
      return sketch;
    },
    dispose() {
      network.dispose();
      for (const tensor of runtime.values()) tensor.dispose();
    },
  };
}

/**
 * Cosines between all pairs of sketches.
 * @returns (n, n) row-major, symmetric, unit diagonal; a zero gradient is similar to nothing but itself
 */
export function cosineMatrix(sketches: readonly Float64Array[]): Float64Array {
  const count = sketches.length;
  const norms = sketches.map((sketch) => Math.sqrt(dot(sketch, sketch)));
  const matrix = new Float64Array(count ** 2);
  for (let a = 0; a < count; a++) {
    matrix[a * count + a] = 1;
    for (let b = 0; b < a; b++) {
      const scale = norms[a] * norms[b];
      const cosine = scale > 0 ? dot(sketches[a], sketches[b]) / scale : 0;
      matrix[a * count + b] = matrix[b * count + a] = Math.max(-1, Math.min(1, cosine));
    }
  }
  return matrix;
}

/** The mean of equally large matrices. */
export function meanMatrix(matrices: readonly Float64Array[]): Float64Array {
  return matrices[0].map((_, i) => matrices.reduce((sum, matrix) => sum + matrix[i], 0) / matrices.length);
}

/**
 * Bilinear interpolation of a matrix on a grid of timesteps to all timesteps. The diagonal is one exactly, also between grid
 * points, where interpolation alone would stay below.
 *
 * @param grid ascending, from 0 to T - 1
 * @param matrix (grid, grid) row-major, symmetric
 * @returns (T, T) row-major, symmetric, unit diagonal
 */
export function interpolateSimilarity(grid: readonly number[], matrix: Float64Array, timesteps: number): Float64Array {
  const points = grid.length;
  if (points === 1) return Float64Array.of(1);
  const left = new Int32Array(timesteps);
  const weight = new Float64Array(timesteps);
  for (let t = 0, cell = 0; t < timesteps; t++) {
    while (cell < points - 2 && t >= grid[cell + 1]) cell++;
    left[t] = cell;
    weight[t] = (t - grid[cell]) / (grid[cell + 1] - grid[cell]);
  }
  const full = new Float64Array(timesteps ** 2);
  for (let a = 0; a < timesteps; a++) {
    full[a * timesteps + a] = 1;
    const above = left[a] * points;
    for (let b = 0; b < a; b++) {
      const at = above + left[b];
      const upper = matrix[at] + weight[b] * (matrix[at + 1] - matrix[at]);
      const lower = matrix[at + points] + weight[b] * (matrix[at + points + 1] - matrix[at + points]);
      full[a * timesteps + b] = full[b * timesteps + a] = upper + weight[a] * (lower - upper);
    }
  }
  return full;
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
