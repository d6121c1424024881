import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { openEngine } from '../../src/tensor/openEngine.js';
import { relativeError, values } from './reference.js';

beforeAll(async () => {
  await openEngine('wasm');
});

it.each([
  { a: [5, 7], b: [7, 3], transposeA: false, transposeB: false },
  { a: [7, 5], b: [7, 3], transposeA: true, transposeB: false },
  { a: [5, 7], b: [3, 7], transposeA: false, transposeB: true },
  { a: [7, 5], b: [3, 7], transposeA: true, transposeB: true },
  { a: [4, 5, 7], b: [4, 7, 3], transposeA: false, transposeB: false },
  { a: [4, 7, 5], b: [4, 3, 7], transposeA: true, transposeB: true },
  { a: [2, 2, 5, 7], b: [2, 2, 3, 7], transposeA: false, transposeB: true },
  { a: [1, 5, 7], b: [4, 3, 7], transposeA: false, transposeB: true },
])('matMul $a x $b, transposed $transposeA $transposeB', ({ a, b, transposeA, transposeB }) => {
  const left = values(tf.util.sizeFromShape(a), 1);
  const right = values(tf.util.sizeFromShape(b), 2);
  const batches = Math.max(left.length / 35, right.length / 21);
  const expected: number[] = [];
  for (let n = 0; n < batches; n += 1)
    for (let row = 0; row < 5; row += 1)
      for (let column = 0; column < 3; column += 1) {
        let sum = 0;
        for (let i = 0; i < 7; i += 1) {
          const l = (n * 35 + (transposeA ? i * 5 + row : row * 7 + i)) % left.length;
          const r = (n * 21 + (transposeB ? column * 7 + i : i * 3 + column)) % right.length;
          sum += (left[l] as number) * (right[r] as number);
        }
        expected.push(sum);
      }
  const actual = tf.tidy(() => {
    const product = tf.matMul(tensor(left, a), tensor(right, b), transposeA, transposeB);
    return product.dataSync<'float32'>();
  });
  expect(relativeError(actual, expected)).toBeLessThan(1e-6);
});

it.each([
  { shape: [3, 5, 4], axes: [1], keepDims: true },
  { shape: [3, 5, 4], axes: [0], keepDims: false },
  { shape: [3, 5, 4], axes: [0, 1], keepDims: false },
  { shape: [3, 5, 4], axes: [1, 0], keepDims: true },
  { shape: [2, 3, 5, 4], axes: [1, 2], keepDims: true },
  { shape: [2, 3, 5, 4], axes: [0, 2], keepDims: false },
  { shape: [3, 5, 4], axes: [2], keepDims: false },
  { shape: [3, 5, 4], axes: [0, 1, 2], keepDims: true },
  { shape: [3, 1, 4], axes: [1], keepDims: false },
  { shape: [6], axes: [0], keepDims: false },
])('sum of $shape over $axes, keeping them: $keepDims', ({ shape, axes, keepDims }) => {
  const x = values(tf.util.sizeFromShape(shape), 3);
  const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const strides = kept.map((_, axis) => tf.util.sizeFromShape(kept.slice(axis + 1)));
  const expected = new Float64Array(tf.util.sizeFromShape(kept));
  x.forEach((value, flat) => {
    let rest = flat;
    let target = 0;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const size = shape[axis] as number;
      if (!axes.includes(axis)) target += (rest % size) * (strides[axis] as number);
      rest = Math.floor(rest / size);
    }
    expected[target] = (expected[target] as number) + value;
  });
  const result = tf.sum(tensor(x, shape), axes, keepDims);
  expect(result.shape).toEqual(keepDims ? kept : shape.filter((_, axis) => !axes.includes(axis)));
  expect(relativeError(result.dataSync(), expected)).toBeLessThan(5e-6);
});

it('a long column sum keeps its accuracy', () => {
  const x = values(65_536 * 2, 4).map((value) => Math.fround(value + 3));
  const expected = [0, 1].map((column) => x.filter((_, index) => index % 2 === column).reduce((a, b) => a + b));
  const actual = tf.tidy(() => tf.sum(tensor(x, [65_536, 2]), 0).dataSync());
  expect(relativeError(actual, expected)).toBeLessThan(1e-5);
});

it('sums of integers stay integers', () => {
  const result = tf.sum(tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2], 'int32'), 0);
  expect(result.dtype).toBe('int32');
  expect([...result.dataSync()]).toEqual([9, 12]);
});

function tensor(data: Float64Array, shape: number[]): tf.Tensor {
  return tf.tensor(Float32Array.from(data), shape);
}
