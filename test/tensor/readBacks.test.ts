import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { openEngine } from '../../src/tensor/openEngine.js';
import { watchReadBacks } from '../../src/tensor/readBacks.js';

it('tells when tensors were read, and leaves the engine as it was', async () => {
  await openEngine('wasm');
  const reads = watchReadBacks();
  const sum = tf.tidy(() => tf.sum(tf.ones([8])));
  expect([reads.lastEnd, reads.milliseconds]).toEqual([null, 0]);
  const before = performance.now();
  expect(sum.dataSync()[0]).toBe(8);
  expect(reads.lastEnd).toBeGreaterThanOrEqual(before);
  expect(reads.milliseconds).toBeGreaterThan(0);
  expect(reads.milliseconds).toBeLessThanOrEqual(performance.now() - before);
  reads.start();
  reads.stop();
  expect(sum.dataSync()[0]).toBe(8);
  expect(reads.lastEnd).toBeNull();
  sum.dispose();
});
