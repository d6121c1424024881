import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float64Algebra, type Matrix64 } from '../../src/tensor/float64.js';
import { openEngine } from '../../src/tensor/openEngine.js';
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
    expect([tf.memory().numTensors, binding?.getNumOfTensors()]).toEqual(before);
  });
});
