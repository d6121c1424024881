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
