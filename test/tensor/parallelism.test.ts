import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openEngine } from '../../src/tensor/openEngine.js';
import { chooseParallelism, inParts, partSizes, setImageParts } from '../../src/tensor/parallelism.js';

afterEach(() => setImageParts(1));

describe('chooseParallelism', () => {
  it.each([
    ['a small network', { parameters: 700_000, images: 16 }, 2, 'images'],
    ['two images for each thread', { parameters: 35_700_000, images: 4 }, 2, 'images'],
    ['three images for two threads', { parameters: 700_000, images: 3 }, 2, 'operations'],
    ['one thread', { parameters: 700_000, images: 16 }, 1, 'operations'],
    ['gradients of 100 million numbers', { parameters: 25_000_000, images: 64 }, 4, 'images'],
    ['gradients of more', { parameters: 25_000_001, images: 64 }, 4, 'operations'],
    ['sampling, which has no gradients', { parameters: 0, images: 64 }, 8, 'images'],
    ['many threads', { parameters: 0, images: 64 }, 9, 'operations'],
  ] as const)('%s', (_, work, threads, expected) => {
    expect(chooseParallelism(work, threads)).toBe(expected);
  });
});

describe('partSizes', () => {
  it.each([
    [1, 5, [5]],
    [2, 5, [2, 3]],
    [4, 64, [16, 16, 16, 16]],
    [3, 64, [21, 21, 22]],
    [8, 3, [1, 1, 1]],
  ])('%i parts of %i images', (parts, images, expected) => {
    setImageParts(parts);
    expect(partSizes(images)).toEqual(expected);
  });
});

describe('inParts', () => {
  beforeAll(async () => {
    await openEngine('wasm');
    // Opening an engine whose threads do not share images takes the parts back.
    setImageParts(3);
    await openEngine('wasm');
    expect(partSizes(6)).toEqual([6]);
  });

  it('keeps the images that belong together, and their order', () => {
    setImageParts(3);
    const calls: number[] = [];
    const joined = tf.tidy(() => {
      const [x, y] = [tf.range(0, 7), tf.range(100, 107)];
      const sums = inParts([x, y], ([ofX, ofY]) => {
        calls.push(ofX.size);
        return tf.add(tf.mul(ofX, 10), ofY);
      });
      return [...sums.dataSync()];
    });
    expect(calls).toEqual([2, 2, 3]);
    expect(joined).toEqual([100, 111, 122, 133, 144, 155, 166]);
  });
});
