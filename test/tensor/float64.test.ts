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
    const first = matrix(3, SIZE, 0);
    const second = matrix(2, SIZE, 1);
    const product = algebra.multiplyTransposed(first, second);
    expect([product.rows, product.columns]).toEqual([3, 2]);
    const gram = algebra.gram(first);
    expect([gram.rows, gram.columns]).toEqual([SIZE, SIZE]);
    for (const [i, j] of [
      [0, 1],
      [2, 0],
    ]) {
      const expected = rangeOf(SIZE).reduce((sum, k) => sum + at(first, i, k) * at(second, j, k), 0);
      expect(Math.abs(at(product, i, j) - expected)).toBeLessThan(1e-13);
      const sum = rangeOf(3).reduce((total, row) => total + at(first, row, 7 * i + 5) * at(first, row, j), 0);
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
    const singular = algebra.singularValues(source).sort();
    singular.forEach((value, index) => expect(Math.abs(value ** 2 - values[index])).toBeLessThan(1e-11));
  });

  it('leaves nothing on the engine', async () => {
    await openEngine(engine);
    const { binding } = tf.backend() as unknown as { binding?: { getNumOfTensors(): number } };
    const before = [tf.memory().numTensors, binding?.getNumOfTensors()];
    const algebra = float64Algebra(SIZE);
    algebra.symmetricEigen(algebra.gram(matrix(4, SIZE, 3)));
    algebra.singularValues(matrix(5, SIZE, 4));
    expect([tf.memory().numTensors, binding?.getNumOfTensors()]).toEqual(before);
  });
});
