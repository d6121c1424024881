import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  addProjection,
  cosineMatrix,
  createGradientSketcher,
  interpolateSimilarity,
  meanMatrix,
  similarityGrid,
} from '../../src/method/similarity.js';
import { toRuntime } from '../../src/model/runtimeWeights.js';
import type { Weights } from '../../src/model/weights.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomNormal } from '../../src/tensor/random.js';
import { lossGradients } from '../../src/training/gradients.js';
import { randomBatch, randomWeights, tinySpec } from './tinyModel.js';

const normals = (index: number, count: number) => randomNormal({ seed: 5, stream: 'test', index }, count);
const asWeights = (values: Float32Array): Weights => new Map([['w', { shape: [values.length], data: values }]]);
const projected = (gradient: Weights, dimensions: number, seed = 1): Float64Array => {
  const sketch = new Float64Array(dimensions);
  addProjection(sketch, gradient, seed);
  return sketch;
};
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, index) => sum + value * b[index], 0);

describe('similarityGrid', () => {
  it('runs from the first to the last timestep', () => {
    expect(similarityGrid(1000, 5)).toEqual([0, 250, 500, 749, 999]);
    expect(similarityGrid(3, 25)).toEqual([0, 1, 2]);
    expect(similarityGrid(1, 25)).toEqual([0]);
  });
});

describe('addProjection', () => {
  it('keeps cosines within four standard deviations of the bound sqrt(2 / dimensions)', () => {
    const length = 20_000;
    const dimensions = 2048;
    const bound = 4 * Math.sqrt(2 / dimensions);
    for (const [index, mix] of [-1, -0.6, 0, 0.3, 0.9, 1].entries()) {
      const a = normals(2 * index, length);
      const b = normals(2 * index + 1, length).map((value, i) => mix * a[i] + Math.sqrt(1 - mix ** 2) * value);
      const exact = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
      const [, , estimated] = cosineMatrix([projected(asWeights(a), dimensions), projected(asWeights(b), dimensions)]);
      expect(Math.abs(estimated - exact)).toBeLessThan(bound);
    }
  });

  it('is unbiased: the mean over seeds approaches the inner product', () => {
    const a = normals(20, 300);
    const b = normals(21, 300).map((value, i) => value + a[i]);
    const seeds = Array.from({ length: 400 }, (_, seed) => seed);
    const estimates = seeds.map((seed) => dot(projected(asWeights(a), 64, seed), projected(asWeights(b), 64, seed)));
    const mean = estimates.reduce((sum, value) => sum + value, 0) / seeds.length;
    const deviation = Math.sqrt((dot(a, a) * dot(b, b) + dot(a, b) ** 2) / 64 / seeds.length);
    expect(Math.abs(mean - dot(a, b))).toBeLessThan(4 * deviation);
  });

  it('is linear, and streams one tensor after another', () => {
    const [a, b] = [normals(30, 500), normals(31, 40)];
    const both: Weights = new Map([
      ['a', { shape: [500], data: a }],
      ['b', { shape: [40], data: b }],
    ]);
    const sum = new Float64Array(128);
    addProjection(sum, new Map([['b', { shape: [40], data: b }]]), 1);
    addProjection(sum, new Map([['a', { shape: [500], data: a }]]), 1);
    projected(both, 128).forEach((value, place) => expect(sum[place]).toBeCloseTo(value, 12));
  });
});

describe('cosineMatrix', () => {
  it('is symmetric with unit diagonal; a zero gradient is like nothing else', () => {
    const matrix = cosineMatrix([Float64Array.of(1, 0), Float64Array.of(3, 3), Float64Array.of(0, 0)]);
    const half = Math.SQRT1_2;
    [1, half, 0, half, 1, 0, 0, 0, 1].forEach((value, i) => expect(matrix[i]).toBeCloseTo(value, 12));
  });
});

describe('interpolateSimilarity', () => {
  const grid = [0, 4, 10];
  const matrix = Float64Array.of(1, 0.6, 0.1, 0.6, 1, 0.5, 0.1, 0.5, 1);
  const full = interpolateSimilarity(grid, matrix, 11);
  const at = (a: number, b: number) => full[a * 11 + b];

  it('passes through the grid', () => {
    grid.forEach((a, i) => grid.forEach((b, j) => expect(at(a, b)).toBeCloseTo(matrix[i * 3 + j], 12)));
  });

  it('is bilinear between grid points', () => {
    expect(at(2, 10)).toBeCloseTo((0.1 + 0.5) / 2, 12);
    expect(at(7, 2)).toBeCloseTo((0.6 + 1 + 0.1 + 0.5) / 4, 12);
  });

  it('is symmetric with unit diagonal', () => {
    for (let a = 0; a < 11; a++) {
      expect(at(a, a)).toBe(1);
      for (let b = 0; b < a; b++) expect(at(a, b)).toBe(at(b, a));
    }
  });

  it('meanMatrix averages element by element', () => {
    expect([...meanMatrix([Float64Array.of(1, 2), Float64Array.of(3, 6)])]).toEqual([2, 4]);
  });
});

describe('createGradientSketcher', () => {
  const spec = tinySpec();
  const weights = randomWeights(spec, 3);
  beforeAll(() => openEngine('wasm'));

  it('projects the gradient of the summed loss over all batches, and leaves no tensor behind', async () => {
    const batches = [randomBatch(spec, 1, 2), randomBatch(spec, 2, 1)];
    const before = tf.memory().numTensors;
    const sketcher = createGradientSketcher(spec, weights, { dimensions: 256, seed: 9 });
    const sketch = await sketcher.sketch(batches);
    sketcher.dispose();
    expect(tf.memory().numTensors).toBe(before);

    const runtime = toRuntime(weights);
    const expected = new Float64Array(256);
    for (const batch of batches) {
      for (let image = 0; image < batch.count; image++)
        addProjection(expected, lossGradients(spec, runtime, batch, [...runtime.keys()]), 9);
    }
    tf.dispose([...runtime.values()]);
    const scale = Math.sqrt(dot(expected, expected));
    sketch.forEach((value, place) => expect(Math.abs(value - expected[place])).toBeLessThan(1e-6 * scale));
  });

  it('stops between batches on request', async () => {
    const sketcher = createGradientSketcher(spec, weights, { dimensions: 16, seed: 0 });
    await expect(sketcher.sketch([randomBatch(spec, 1)], AbortSignal.abort())).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    sketcher.dispose();
  });
});
