import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float64Algebra, type Matrix64 } from '../../src/tensor/float64.js';
import { nativeFloat64 } from '../../src/tensor/nativeFloat64.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { hasOwnOperation } from '../../src/tensor/ownOperations.js';
import { randomUniform } from '../../src/tensor/random.js';
import { availableEngines } from '../training/availableEngines.js';

const engines = await availableEngines();
/** Large enough that the native engine computes it. */
const SIZE = 130;

function matrix(rows: number, columns: number, index: number): Matrix64 {
  const values = randomUniform({ seed: 3, stream: 'float64', index }, rows * columns);
  return { rows, columns, data: Float64Array.from(values, (value) => value - 0.5) };
}
const at = ({ columns, data }: Matrix64, row: number, column: number) => data[row * columns + column];
const rangeOf = (count: number) => Array.from({ length: count }, (_, index) => index);

describe.each(engines)('float64 on the %s engine', (engine) => {
  it('products agree with sums written out', async () => {
    await openEngine(engine);
    const algebra = float64Algebra(SIZE);
    const first = matrix(SIZE, 3, 0);
    const second = matrix(SIZE, 2, 1);
    const product = algebra.transposeMultiply(first, second);
    expect([product.rows, product.columns]).toEqual([3, 2]);
    const gram = algebra.gram(matrix(3, SIZE, 0));
    expect([gram.rows, gram.columns]).toEqual([SIZE, SIZE]);
    for (const [i, j] of [
      [0, 1],
      [2, 0],
    ]) {
      const expected = rangeOf(SIZE).reduce((sum, k) => sum + at(first, k, i) * at(second, k, j), 0);
      expect(Math.abs(at(product, i, j) - expected)).toBeLessThan(1e-13);
      const source = matrix(3, SIZE, 0);
      const sum = rangeOf(3).reduce((total, row) => total + at(source, row, 7 * i + 5) * at(source, row, j), 0);
      expect(Math.abs(at(gram, 7 * i + 5, j) - sum)).toBeLessThan(1e-15);
    }
  });

  it('eigenvectors put the matrix together again, and singular values are roots of the Gram matrix', async () => {
    await openEngine(engine);
    const algebra = float64Algebra(SIZE);
    const source = matrix(SIZE, SIZE, 2);
    const gram = algebra.gram(source);
    const { values, vectors } = algebra.symmetricEigen(gram);
    expect(values).toEqual(values.slice().sort());
    for (const [i, j] of [
      [0, 0],
      [3, 100],
      [129, 64],
    ]) {
      const sum = rangeOf(SIZE).reduce((total, k) => total + at(vectors, i, k) * values[k] * at(vectors, j, k), 0);
      expect(Math.abs(sum - at(gram, i, j))).toBeLessThan(1e-12);
    }
    algebra.symmetricEigenvalues(gram).forEach((value, index) => {
      expect(Math.abs(value - values[index])).toBeLessThan(1e-12);
    });
    const singular = algebra.singularValues(source).sort();
    singular.forEach((value, index) => expect(Math.abs(value ** 2 - values[index])).toBeLessThan(1e-11));
  });

  it('a Cholesky factor is lower triangular and multiplies to the matrix, of which the lower triangle is read', async () => {
    await openEngine(engine);
    const algebra = float64Algebra(SIZE);
    const gram = algebra.gram(matrix(SIZE + 20, SIZE, 6));
    const asymmetric = { ...gram, data: gram.data.slice() };
    asymmetric.data[5] += 1;
    const factor = algebra.cholesky(asymmetric)!;
    for (const [i, j] of [
      [0, 0],
      [3, 100],
      [129, 64],
    ]) {
      expect(at(factor, Math.min(i, j), Math.max(i, j) + (i === j ? 1 : 0))).toBe(0);
      const sum = rangeOf(SIZE).reduce((total, k) => total + at(factor, i, k) * at(factor, j, k), 0);
      expect(Math.abs(sum - at(gram, i, j))).toBeLessThan(1e-12);
    }
  });

  it('a matrix with a negative eigenvalue has no Cholesky factor', async () => {
    await openEngine(engine);
    const identity = matrix(SIZE, SIZE, 7);
    identity.data.forEach((_, index) => (identity.data[index] = index % (SIZE + 1) === 0 ? 1 : 0));
    identity.data[77 * (SIZE + 1)] = -1e-3;
    expect(float64Algebra(SIZE).cholesky(identity)).toBeNull();
  });

  it('leaves nothing on the engine', async () => {
    await openEngine(engine);
    const { binding } = tf.backend() as unknown as { binding?: { getNumOfTensors(): number } };
    const before = [tf.memory().numTensors, binding?.getNumOfTensors()];
    const algebra = float64Algebra(SIZE);
    algebra.symmetricEigen(algebra.gram(matrix(4, SIZE, 3)));
    algebra.symmetricEigenvalues(algebra.gram(matrix(4, SIZE, 3)));
    algebra.cholesky(algebra.gram(matrix(2 * SIZE, SIZE, 3)));
    // refused: the engine's copies go all the same
    expect(algebra.cholesky({ rows: SIZE, columns: SIZE, data: new Float64Array(SIZE * SIZE).fill(-1) })).toBeNull();
    algebra.singularValues(matrix(5, SIZE, 4));
    algebra.semidefiniteFactor?.(algebra.gram(matrix(4, SIZE, 3)));
    expect([tf.memory().numTensors, binding?.getNumOfTensors()]).toEqual(before);
  });
});

/** (rows, columns) with these singular values: diagonal, and then three reflections I - 2 v v^T / |v|^2 from either side. */
function withSingularValues(values: readonly number[], rows: number, columns: number): Matrix64 {
  const data = new Float64Array(rows * columns);
  values.forEach((value, index) => (data[index * (columns + 1)] = value));
  for (let round = 0; round < 3; round += 1) {
    const u = rangeOf(rows).map((index) => Math.sin(index + 1 + round));
    const v = rangeOf(columns).map((index) => Math.cos(index + 2 * round));
    const [uu, vv] = [u, v].map((vector) => vector.reduce((sum, value) => sum + value * value, 0));
    for (let j = 0; j < columns; j += 1) {
      let along = 0;
      for (let i = 0; i < rows; i += 1) along += u[i] * data[i * columns + j];
      for (let i = 0; i < rows; i += 1) data[i * columns + j] -= (2 * along * u[i]) / uu;
    }
    for (let i = 0; i < rows; i += 1) {
      let along = 0;
      for (let j = 0; j < columns; j += 1) along += v[j] * data[i * columns + j];
      for (let j = 0; j < columns; j += 1) data[i * columns + j] -= (2 * along * v[j]) / vv;
    }
  }
  return { rows, columns, data };
}

const descending = (values: Iterable<number>) => [...values].sort((a, b) => b - a);

// float64Algebra leaves small matrices to portable code; these go to the native engine whatever their size.
describe.runIf(engines.includes('native'))('decompositions of the native engine', () => {
  it.each(hasOwnOperation('StepadaptSingularValues') ? [true, false] : [false])(
    'singular values of matrices that have known ones; operations of ours: %s',
    async (own) => {
      await openEngine('native');
      const algebra = nativeFloat64(own);
      const spectra: Record<string, (index: number) => number> = {
        'equal values': () => 3,
        'falling as roots of variances do': (index) => (index + 1) ** -0.75,
        'over 200 decades': (index) => 10 ** (-index / 0.8),
        'of low rank': (index) => (index % 3 === 0 ? 1 + index : 0),
        'two clusters': (index) => (index < 20 ? 1e8 : 1 + 1e-9 * index),
        tiny: (index) => 1e-200 * (index + 1),
        zero: () => 0,
      };
      for (const [rows, columns] of [
        [1, 1],
        [2, 2],
        [31, 31],
        [32, 32],
        [33, 33],
        [64, 40],
        [40, 64],
        [1, 70],
        [70, 1],
        [161, 161],
        [250, 100],
      ]) {
        for (const [name, spectrum] of Object.entries(spectra)) {
          const expected = descending(rangeOf(Math.min(rows, columns)).map(spectrum));
          const found = descending(algebra.singularValues(withSingularValues(expected, rows, columns)));
          expect(found).toHaveLength(expected.length);
          const error = Math.max(...found.map((value, index) => Math.abs(value - expected[index])));
          expect(error, `${name}, ${rows} x ${columns}`).toBeLessThanOrEqual(50 * Number.EPSILON * expected[0]);
        }
      }
    },
  );

  it.runIf(hasOwnOperation('StepadaptSemidefiniteFactor'))('a factor has the rank of its covariance', async () => {
    await openEngine('native');
    const factor = nativeFloat64(true).semidefiniteFactor!;
    for (const [size, rank] of [
      [1, 1],
      [2, 1],
      [32, 32],
      [33, 5],
      [100, 64],
      [150, 149],
      [150, 150],
      [40, 0],
    ]) {
      // Variances over 12 decades, which take nothing from the digits of the small ones.
      const { data } = matrix(size, rank, 8);
      const source = data.map((value, index) => value * 10 ** ((-12 * Math.floor(index / rank)) / size));
      const covariance = new Float64Array(size * size);
      for (let i = 0; i < size; i += 1) {
        for (let j = 0; j < size; j += 1) {
          for (let k = 0; k < rank; k += 1) covariance[i * size + j] += source[i * rank + k] * source[j * rank + k];
        }
      }
      const a = factor({ rows: size, columns: size, data: covariance });
      expect(a.columns, `${size} x ${size} of rank ${rank}`).toBe(rank);
      for (let i = 0; i < size; i += 1) {
        for (let j = 0; j < size; j += 1) {
          const sum = rangeOf(rank).reduce((total, k) => total + at(a, i, k) * at(a, j, k), 0);
          const scale = Math.sqrt(covariance[i * (size + 1)] * covariance[j * (size + 1)]);
          expect(Math.abs(sum - covariance[i * size + j])).toBeLessThanOrEqual(size * Number.EPSILON * scale);
        }
      }
    }
  });

  it.runIf(hasOwnOperation('StepadaptSemidefiniteFactor'))(
    'a feature that is constant but for rounding does not hide the others',
    async () => {
      await openEngine('native');
      // No covariance of anything: the second feature's variance is less than its covariance with the first allows.
      const data = Float64Array.of(1, 1e-16, 1e-16, 1e-36);
      const a = nativeFloat64(true).semidefiniteFactor!({ rows: 2, columns: 2, data });
      expect(Math.hypot(...rangeOf(a.columns).map((k) => at(a, 0, k)))).toBeCloseTo(1, 12);
      expect(Math.hypot(...rangeOf(a.columns).map((k) => at(a, 1, k)))).toBeLessThan(1e-12);
    },
  );

  it.runIf(hasOwnOperation('StepadaptSingularValues'))('refuses what is not finite or not square', async () => {
    await openEngine('native');
    const { singularValues, semidefiniteFactor } = nativeFloat64(true);
    const bad = matrix(3, 3, 9);
    bad.data[4] = Number.NaN;
    expect(() => singularValues(bad)).toThrowError(/not finite/);
    expect(() => semidefiniteFactor!(bad)).toThrowError(/not finite/);
    bad.data[4] = Infinity;
    expect(() => singularValues(bad)).toThrowError(/not finite/);
    expect(() => semidefiniteFactor!(matrix(3, 2, 9))).toThrowError(/square/);
  });
});
