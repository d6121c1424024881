import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { groupNorm } from '../../src/tensor/groupNorm.js';
import { checkOperation } from './checkOperation.js';
import { describeOnEveryEngine } from './engines.js';
import { relativeError, values } from './reference.js';

describeOnEveryEngine('groupNorm', () => {
  it.each([
    { shape: [2, 3, 4, 6], groups: 3, eps: 1e-6 },
    { shape: [2, 3, 3, 6], groups: 1, eps: 1e-5 },
    { shape: [1, 4, 2, 4], groups: 4, eps: 0.1 },
    { shape: [3, 1, 1, 8], groups: 2, eps: 1e-3 },
  ])('$shape in $groups groups: value and gradients', ({ shape, groups, eps }) => {
    const channels = shape[3] as number;
    checkOperation({
      shapes: [shape, [channels], [channels]],
      operation: (x, gamma, beta) =>
        groupNorm(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D, groups, eps),
      reference: (x, gamma, beta) => normalise(x, gamma, beta, { shape, groups, eps }),
      tolerance: 5e-5,
    });
  });

  it.each([
    { shape: [3, 5, 4, 6], groups: 3, bias: true, activation: null },
    { shape: [3, 5, 4, 6], groups: 3, bias: false, activation: 'silu' },
    { shape: [2, 7, 5, 8], groups: 2, bias: true, activation: 'silu' },
    // One image, whose groups several threads share, and rows that no vector divides.
    { shape: [1, 3, 3, 21], groups: 7, bias: true, activation: 'silu' },
  ] as const)('with what stands beside it: $bias, $activation, $shape', ({ shape, groups, bias, activation }) => {
    const [images, height, width, channels] = shape;
    checkOperation({
      shapes: [shape, [channels], [channels], ...(bias ? [[images, channels]] : [])],
      operation: (x, gamma, beta, shift) =>
        groupNorm(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D, groups, 1e-5, {
          bias: (shift as tf.Tensor2D | undefined) ?? null,
          activation,
        }),
      reference: (x, gamma, beta, shift) => {
        const moved = shift
          ? x.map((value, i) => value + shift[Math.floor(i / (height * width * channels)) * channels + (i % channels)])
          : x;
        const normal = normalise(moved, gamma, beta, { shape, groups, eps: 1e-5 });
        return activation === 'silu' ? normal.map((value) => value / (1 + Math.exp(-value))) : normal;
      },
      tolerance: 5e-5,
    });
  });

  it('gives SiLU its limits for numbers of any size, and keeps what is not finite', () => {
    // One pixel of two equal channels: the norm is beta.
    const beta = [-1e30, -200, -88, -20, -0, 0, 1e-20, 20, 88, 200, 1e30];
    const actual = beta.map((value) =>
      tf.tidy(() => {
        const both = tf.fill([2], value) as tf.Tensor1D;
        return groupNorm(tf.ones([1, 1, 1, 2]), tf.ones([2]), both, 1, 1e-5, { activation: 'silu' }).dataSync()[0];
      }),
    );
    beta.forEach((value, i) => {
      const expected = value / (1 + Math.exp(-value));
      expect(Math.abs(actual[i] - expected)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected)));
    });
    const lost = tf.tidy(() => {
      const x = tf.tensor4d([1, NaN], [1, 1, 1, 2]);
      return groupNorm(x, tf.ones([2]), tf.zeros([2]), 1, 1e-5, { activation: 'silu' }).dataSync();
    });
    expect([...lost]).toEqual([NaN, NaN]);
  });

  it('keeps its accuracy when the mean is a hundred times the deviation', () => {
    const shape = [2, 16, 16, 8];
    const x = values(2 * 16 * 16 * 8, 5).map((value) => Math.fround(100 + value));
    const gamma = values(8, 6);
    const beta = values(8, 7);
    const expected = normalise(x, gamma, beta, { shape, groups: 2, eps: 1e-6 });
    const actual = tf.tidy(() =>
      groupNorm(
        tf.tensor(Float32Array.from(x), shape as [number, number, number, number]),
        tf.tensor1d(Float32Array.from(gamma)),
        tf.tensor1d(Float32Array.from(beta)),
        2,
        1e-6,
      ).dataSync<'float32'>(),
    );
    expect(relativeError(actual, expected)).toBeLessThan(2e-4);
  });

  it('refuses groups that do not divide the channels', () => {
    expect(() => tf.tidy(() => groupNorm(tf.zeros([1, 2, 2, 6]), tf.zeros([6]), tf.zeros([6]), 4, 1e-6))).toThrow(
      '4 groups do not divide 6 channels',
    );
  });
});

/** Group normalisation by its definition, in float64. */
function normalise(
  x: Float64Array,
  gamma: Float64Array,
  beta: Float64Array,
  { shape, groups, eps }: { shape: readonly number[]; groups: number; eps: number },
): Float64Array {
  const [images, height, width, channels] = shape as [number, number, number, number];
  const perGroup = channels / groups;
  const result = new Float64Array(x.length);
  for (let n = 0; n < images; n += 1)
    for (let group = 0; group < groups; group += 1) {
      const indices: number[] = [];
      for (let pixel = 0; pixel < height * width; pixel += 1)
        for (let c = 0; c < perGroup; c += 1)
          indices.push((n * height * width + pixel) * channels + group * perGroup + c);
      const members = indices.map((index) => x[index] as number);
      const mean = members.reduce((a, b) => a + b) / members.length;
      const variance = members.reduce((sum, value) => sum + (value - mean) ** 2, 0) / members.length;
      indices.forEach((index, i) => {
        const c = index % channels;
        const normal = ((members[i] as number) - mean) / Math.sqrt(variance + eps);
        result[index] = normal * (gamma[c] as number) + (beta[c] as number);
      });
    }
  return result;
}
