import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { attention } from '../../src/tensor/attention.js';
import { conv2d, type ConvolutionOptions } from '../../src/tensor/convolution.js';
import { linear } from '../../src/tensor/linear.js';
import { silu } from '../../src/tensor/silu.js';
import { upsampleNearest } from '../../src/tensor/upsample.js';
import { checkOperation } from './checkOperation.js';
import { describeOnEveryEngine } from './engines.js';

type Image = [images: number, height: number, width: number, channels: number];

describeOnEveryEngine('tensor operations', () => {
  it('silu and its gradient', () => {
    checkOperation({
      shapes: [[3, 5]],
      operation: (x) => silu(x),
      reference: (x) => x.map((value) => value / (1 + Math.exp(-value))),
    });
  });

  it('silu far from zero', () => {
    checkOperation({
      shapes: [[3, 5]],
      operation: (x) => silu(tf.mul(x, 40)),
      reference: (x) => x.map((value) => (40 * value) / (1 + Math.exp(-40 * value))),
    });
  });

  it.each([true, false])('linear and its gradients, bias %s', (withBias) => {
    checkOperation({
      shapes: withBias
        ? [[3, 5], [5, 4], [4]]
        : [
            [3, 5],
            [5, 4],
          ],
      operation: (x, weight, bias) => linear(x as tf.Tensor2D, weight as tf.Tensor2D, (bias as tf.Tensor1D) ?? null),
      reference: (x, weight, bias) =>
        table(3, 4, (row, column) => {
          let sum = bias?.[column] ?? 0;
          for (let i = 0; i < 5; i += 1) sum += at(x, row * 5 + i) * at(weight, i * 4 + column);
          return sum;
        }),
    });
  });

  it.each<{ input: Image; kernel: number; outputs: number; options: ConvolutionOptions; bias: boolean }>([
    { input: [2, 4, 4, 3], kernel: 3, outputs: 2, options: {}, bias: true },
    { input: [2, 5, 3, 2], kernel: 3, outputs: 3, options: { stride: 1, padding: 'same' }, bias: false },
    { input: [2, 4, 6, 3], kernel: 1, outputs: 2, options: {}, bias: true },
    { input: [2, 6, 4, 2], kernel: 3, outputs: 3, options: { stride: 2 }, bias: true },
    { input: [1, 5, 7, 2], kernel: 3, outputs: 2, options: { stride: 2, padding: 'same' }, bias: false },
    { input: [2, 6, 4, 2], kernel: 3, outputs: 3, options: { stride: 2, padding: 'bottom-right' }, bias: true },
    { input: [1, 4, 4, 2], kernel: 1, outputs: 2, options: { stride: 2 }, bias: false },
    { input: [1, 5, 5, 1], kernel: 5, outputs: 1, options: {}, bias: false },
  ])('conv2d $input, kernel $kernel, $options', ({ input, kernel, outputs, options, bias }) => {
    checkOperation({
      shapes: [input, [kernel, kernel, input[3], outputs], ...(bias ? [[outputs]] : [])],
      operation: (x, weights, bias) =>
        conv2d(x as tf.Tensor4D, weights as tf.Tensor4D, (bias as tf.Tensor1D) ?? null, options),
      reference: (x, weights, bias) => convolve(x, input, weights, kernel, outputs, bias, options),
    });
  });

  it('upsampleNearest and its gradient', () => {
    checkOperation({
      shapes: [[2, 3, 2, 2]],
      operation: (x) => upsampleNearest(x as tf.Tensor4D),
      reference: (x) => {
        const result: number[] = [];
        for (let n = 0; n < 2; n += 1)
          for (let row = 0; row < 6; row += 1)
            for (let column = 0; column < 4; column += 1)
              for (let c = 0; c < 2; c += 1) result.push(at(x, ((n * 3 + (row >> 1)) * 2 + (column >> 1)) * 2 + c));
        return Float64Array.from(result);
      },
    });
  });

  it('attention and its gradients', () => {
    const shape = [2, 5, 3];
    checkOperation({
      shapes: [shape, shape, shape],
      operation: (q, k, v) => attention(q as tf.Tensor3D, k as tf.Tensor3D, v as tf.Tensor3D, 0.7),
      reference: (q, k, v) => attend(q, k, v, { images: 2, tokens: 5, width: 3, scale: 0.7 }),
    });
  });
});

it('conv2d refuses bottom-right padding where it would not mean that', () => {
  const x = { shape: [1, 5, 4, 1] } as unknown as tf.Tensor4D;
  const kernel = { shape: [3, 3, 1, 1] } as unknown as tf.Tensor4D;
  expect(() => conv2d(x, kernel, null, { stride: 2, padding: 'bottom-right' })).toThrow(/even sizes.*1x5x4x1/);
});

function at(x: Float64Array, index: number): number {
  return x[index] as number;
}

function table(rows: number, columns: number, value: (row: number, column: number) => number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, index) =>
    value(Math.floor(index / columns), index % columns),
  );
}

/** Convolution by its definition: five nested loops, zeros outside the image. */
function convolve(
  x: Float64Array,
  [images, height, width, channels]: Image,
  weights: Float64Array,
  kernel: number,
  outputs: number,
  bias: Float64Array | undefined,
  { stride = 1, padding = 'same' }: ConvolutionOptions,
): Float64Array {
  const before = padding === 'same' ? (kernel - 1) / 2 : 0;
  const result: number[] = [];
  for (let n = 0; n < images; n += 1)
    for (let row = 0; row < Math.ceil(height / stride); row += 1)
      for (let column = 0; column < Math.ceil(width / stride); column += 1)
        for (let o = 0; o < outputs; o += 1) {
          let sum = bias?.[o] ?? 0;
          for (let i = 0; i < kernel; i += 1)
            for (let j = 0; j < kernel; j += 1)
              for (let c = 0; c < channels; c += 1) {
                const y = row * stride + i - before;
                const z = column * stride + j - before;
                if (y < 0 || y >= height || z < 0 || z >= width) continue;
                sum +=
                  at(x, ((n * height + y) * width + z) * channels + c) *
                  at(weights, ((i * kernel + j) * channels + c) * outputs + o);
              }
          result.push(sum);
        }
  return Float64Array.from(result);
}

function attend(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  { images, tokens, width, scale }: { images: number; tokens: number; width: number; scale: number },
): Float64Array {
  const result = new Float64Array(q.length);
  for (let n = 0; n < images; n += 1)
    for (let query = 0; query < tokens; query += 1) {
      const weights = Array.from({ length: tokens }, (_, key) => {
        let score = 0;
        for (let c = 0; c < width; c += 1)
          score += at(q, (n * tokens + query) * width + c) * at(k, (n * tokens + key) * width + c);
        return Math.exp(score * scale);
      });
      const total = weights.reduce((a, b) => a + b);
      weights.forEach((weight, key) => {
        for (let c = 0; c < width; c += 1) {
          const index = (n * tokens + query) * width + c;
          result[index] = at(result, index) + (weight / total) * at(v, (n * tokens + key) * width + c);
        }
      });
    }
  return result;
}
