import { beforeAll, describe, expect, it } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import { normalisedImages } from '../../src/data/batchImages.js';
import type { Dataset } from '../../src/data/dataset.js';
import { evaluateSamples } from '../../src/evaluation/evaluateSamples.js';
import { protocolSchema } from '../../src/evaluation/protocol.js';
import { randomProjection } from '../../src/evaluation/randomProjection.js';
import { referenceFeatures } from '../../src/evaluation/referenceFeatures.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomUniform } from '../../src/tensor/random.js';

const SIZE = 8;
const COUNT = 1200;
const extractor = randomProjection({ size: SIZE, channels: 1 });

const dataset: Dataset = {
  source: 'noise',
  count: COUNT,
  size: SIZE,
  channels: 1,
  pixels: Uint8Array.from(
    randomUniform({ seed: 9, stream: 'test', index: 0 }, COUNT * SIZE * SIZE),
    (value) => value * 256,
  ),
  labels: null,
  classes: [],
  hash: 'data-hash',
};

const imagesOf = (from: number, to: number) =>
  normalisedImages(
    dataset,
    Int32Array.from({ length: to - from }, (_, index) => from + index),
    null,
  );

const context = {
  sampling: configSchema.parse({}).sampling,
  visited: Int32Array.of(800, 0, 0),
  seed: 3,
  weights: 'ema' as const,
  software: 'test',
};

beforeAll(() => openEngine('auto'));

describe('evaluateSamples', () => {
  it('finds the reference itself at distance 0, and a shifted copy at the shift that its features make', async () => {
    const count = 400;
    const reference = await referenceFeatures(extractor, dataset, { count });
    const images = imagesOf(0, count);
    const same = await evaluateSamples({ extractor, reference, shards: [images], context });
    expect(Math.abs(same.fd)).toBeLessThan(1e-9);

    // The features are linear: adding 0.1 to every pixel moves the mean by the features of a constant image and nothing else.
    const shifted = await evaluateSamples({
      extractor,
      reference,
      shards: [images.map((value) => value + 0.1)],
      context,
    });
    const constant = await extractor.extract(new Float32Array(SIZE * SIZE).fill(0.1), 1);
    const expected = constant.reduce((sum, value) => sum + value * value, 0);
    expect(shifted.fd).toBeCloseTo(expected, 5);
    expect(shifted.kid.mean).toBeGreaterThan(same.kid.mean);
  });

  it('takes the reference from the first images asked for, whatever the chunks', async () => {
    const reference = await referenceFeatures(extractor, dataset, { count: 1100 });
    expect(reference.count).toBe(1100);
    expect(reference.features).toEqual(Float32Array.from(await extractor.extract(imagesOf(0, 1100), 1100)));
  });

  it('adds the metrics that are asked for, and the same values however the images are cut into shards', async () => {
    const reference = await referenceFeatures(extractor, dataset, { count: 400 });
    const metrics = ['precision-recall', 'extrapolated'] as const;
    const evaluate = (shards: Float32Array[]) => evaluateSamples({ extractor, reference, shards, context, metrics });
    const whole = await evaluate([imagesOf(400, 700)]);
    const cut = await evaluate([imagesOf(400, 500), imagesOf(500, 512), imagesOf(512, 700)]);
    expect(cut.fd).toBeCloseTo(whole.fd, 9);
    expect(cut.kid).toEqual(whole.kid);
    expect(cut.precisionRecall).toEqual(whole.precisionRecall);
    expect(whole.precisionRecall!.precision).toBeGreaterThan(0);
    expect(whole.extrapolated!.value).toBeLessThan(whole.fd);
    expect(protocolSchema.parse(whole.protocol)).toMatchObject({ neighbours: 3, extrapolation: { seed: 0 } });
  });

  it('attaches the whole protocol', async () => {
    const reference = await referenceFeatures(extractor, dataset, { count: 400 });
    const { kid, protocol } = await evaluateSamples({
      extractor,
      reference,
      shards: [imagesOf(400, 430), imagesOf(430, 500)],
      context,
    });
    expect(protocolSchema.parse(protocol)).toEqual(protocol);
    expect(protocol).toMatchObject({
      metric: 'FD (random projection)',
      features: { id: 'random-projection-v1', hash: extractor.hash, dimensions: 64, accuracy: null },
      samples: 100,
      seeds: [3],
      sampler: { method: 'ddim', steps: 50, grid: 'uniform', visited: [800, 0, 0], eta: 0, clip: true },
      weights: 'ema',
      reference: { source: 'noise', images: 400, hash: 'data-hash' },
      kernel: { subsets: kid.subsets, subsetSize: 50, seed: 0 },
    });
  });

  it('refuses what cannot be compared', async () => {
    const reference = await referenceFeatures(extractor, dataset, { count: 100 });
    const images = imagesOf(0, 10);
    const evaluate = (changes: object) =>
      evaluateSamples({ extractor, reference, shards: [images], context, ...changes });
    await expect(evaluate({ shards: [images, images.subarray(1)] })).rejects.toMatchObject({ code: 'IMAGES_SHAPE' });
    await expect(evaluate({ shards: [images.map(() => Number.NaN)] })).rejects.toMatchObject({
      code: 'IMAGES_NOT_FINITE',
    });
    await expect(evaluate({ extractor: { ...extractor, hash: 'other' } })).rejects.toMatchObject({
      code: 'FEATURES_DIFFER',
    });
    const colour = randomProjection({ size: SIZE, channels: 3 });
    await expect(referenceFeatures(colour, dataset)).rejects.toMatchObject({ code: 'FEATURES_DIFFER' });
  });
});

describe('randomProjection', () => {
  it('is fixed, and keeps squared lengths on average (64 directions of variance 1 / pixels)', async () => {
    expect(randomProjection({ size: SIZE, channels: 1 }).hash).toBe(extractor.hash);
    const wide = randomProjection({ size: 32, channels: 1 });
    const features = await wide.extract(new Float32Array(32 * 32).fill(1), 1);
    const meanSquare = features.reduce((sum, value) => sum + value * value, 0) / 64;
    // mean of 64 squared standard normals: 1 with standard deviation sqrt(2 / 64) = 0.18
    expect(Math.abs(meanSquare - 1)).toBeLessThan(4 * 0.18);
  });
});
