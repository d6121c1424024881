import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openEngine } from '../../src/tensor/openEngine.js';
import { bucketLayout, packBuckets, sumOfSquares, unpackBuckets } from '../../src/training/parameterBuckets.js';

beforeAll(async () => {
  await openEngine('wasm');
});

function tensorsOf(shapes: readonly number[][]): Map<string, tf.Tensor> {
  return new Map(
    shapes.map((shape, index) => {
      const size = shape.reduce((product, length) => product * length, 1);
      return [
        `tensor ${index}`,
        tf.tensor(
          Float32Array.from({ length: size }, (_, i) => Math.sin(i + index)),
          shape,
        ),
      ];
    }),
  );
}

/** Small, large and in-between: several share a bucket, and one alone exceeds it. */
const shapes = [[3], [2, 5], [1100, 1000], [4, 4, 2, 2], [7], [900, 1000], [200, 1000], [5]];

describe('parameter buckets', () => {
  it('give back the packed tensors', () => {
    const tensors = tensorsOf(shapes);
    const layout = bucketLayout(tensors);
    const flat = packBuckets(layout, tensors);
    expect(flat.length).toBeGreaterThan(1);
    expect(flat.length).toBeLessThan(shapes.length);
    const unpacked = unpackBuckets(layout, flat);
    expect([...unpacked.keys()]).toEqual([...tensors.keys()]);
    for (const [name, tensor] of tensors) {
      expect(unpacked.get(name)!.shape).toEqual(tensor.shape);
      const expected = tensor.dataSync();
      expect(
        unpacked
          .get(name)!
          .dataSync()
          .every((value, i) => value === expected[i]),
      ).toBe(true);
    }
  });

  it('do not depend on the order of the tensors', () => {
    const tensors = tensorsOf([[3], [2, 5], [1100, 1000], [7]]);
    expect(bucketLayout(new Map([...tensors].reverse()))).toEqual(bucketLayout(tensors));
  });

  it('carry gradients back to the place of their tensor', () => {
    const tensors = tensorsOf([[3], [2, 2], [4]]);
    const layout = bucketLayout(tensors);
    const flat = packBuckets(layout, tensors);
    const [gradient] = tf.grads((...buckets: tf.Tensor[]) => {
      const network = unpackBuckets(layout, buckets as tf.Tensor1D[]);
      const first = tf.sum(network.get('tensor 0')!);
      const second = tf.sum(tf.square(network.get('tensor 1')!));
      return tf.addN([first, second, tf.sum(tf.mul(network.get('tensor 2')!, 3))]);
    })(flat);
    const middle = Array.from({ length: 4 }, (_, i) => 2 * Math.fround(Math.sin(i + 1)));
    const expected = [1, 1, 1, ...middle, 3, 3, 3, 3];
    [...gradient.dataSync()].forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
  });

  it('sum squares to float32 accuracy over a million elements', () => {
    const values = Float32Array.from({ length: 1_000_003 }, (_, i) => Math.sin(i) + 0.5);
    const expected = values.reduce((sum, value) => sum + value * value, 0) + 9 + 16;
    const sum = sumOfSquares([tf.tensor1d(values), tf.tensor1d([3, 4])]).dataSync()[0];
    expect(Math.abs(sum / expected - 1)).toBeLessThan(2e-6);
  });
});
