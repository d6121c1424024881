import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { extrapolatedDistance } from '../../src/evaluation/extrapolatedDistance.js';
import { frechetDistance } from '../../src/evaluation/frechet.js';
import { momentsOf, statisticsOf } from '../../src/evaluation/gaussianStatistics.js';
import { imageSimilarity } from '../../src/evaluation/imageSimilarity.js';
import { inceptionScore } from '../../src/evaluation/inceptionScore.js';
import { precisionRecall } from '../../src/evaluation/precisionRecall.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomNormal } from '../../src/tensor/random.js';

const golden = JSON.parse(readFileSync(new URL('../golden/metrics.json', import.meta.url), 'utf8')) as {
  score: { logits: number[][]; mean: number; std: number };
  prdc: { generated: number[]; real: number[]; precision: number; recall: number };
  ssim: { first: number[]; second: number[]; ssim: number; absoluteError: number; rootMeanSquare: number };
};
const few = expect.objectContaining({ code: 'TOO_FEW_IMAGES' });

beforeAll(() => openEngine('auto'));

describe('inceptionScore', () => {
  it('is what numpy computes, with parts of unequal size', () => {
    const probabilities = golden.score.logits.flatMap((row) => {
      const values = row.map(Math.exp);
      const sum = values.reduce((total, value) => total + value, 0);
      return values.map((value) => value / sum);
    });
    const score = inceptionScore(Float64Array.from(probabilities), 6);
    expect(score.mean).toBeCloseTo(golden.score.mean, 10);
    expect(score.std).toBeCloseTo(golden.score.std, 10);
    expect(score.splits).toBe(10);
  });

  it('is the number of classes for sure and even answers, and 1 for answers that are all alike', () => {
    const sure = Float64Array.from({ length: 40 * 4 }, (_, index) => (Math.floor(index / 4) % 4 === index % 4 ? 1 : 0));
    expect(inceptionScore(sure, 4).mean).toBeCloseTo(4, 12);
    expect(inceptionScore(new Float64Array(40 * 4).fill(0.25), 4).mean).toBeCloseTo(1, 12);
    expect(() => inceptionScore(new Float64Array(9 * 4), 4)).toThrowError(few);
  });
});

describe('precisionRecall', () => {
  it('is what brute force in float64 finds', async () => {
    const { precision, recall } = await precisionRecall({
      generated: Float64Array.from(golden.prdc.generated),
      real: Float64Array.from(golden.prdc.real),
      dimensions: 5,
    });
    expect(precision).toBeCloseTo(golden.prdc.precision, 12);
    expect(recall).toBeCloseTo(golden.prdc.recall, 12);
  });

  it('tells missing variety from missing quality', async () => {
    const grid = (from: number, count: number) => Float64Array.from({ length: count }, (_, index) => from + index);
    const narrow = { generated: grid(0, 10), real: grid(0, 100), dimensions: 1 };
    // Neighbours 3 lie two steps away inside a line and three at its end: real 0..9 and 10, 11, 12 are reached.
    expect(await precisionRecall(narrow)).toEqual({ precision: 1, recall: 0.13, neighbours: 3 });
    const far = await precisionRecall({ ...narrow, generated: grid(1000, 10) });
    expect(far).toMatchObject({ precision: 0, recall: 0 });
    await expect(precisionRecall({ ...narrow, generated: grid(0, 3) })).rejects.toMatchObject({
      code: 'TOO_FEW_IMAGES',
    });
  });
});

describe('extrapolatedDistance', () => {
  it('comes closer to the true distance than the distance of all images', async () => {
    const dimensions = 8;
    const count = 1500;
    const features = Float64Array.from(
      randomNormal({ seed: 5, stream: 'extrapolation-test', index: 0 }, count * dimensions),
    );
    const identity = Float64Array.from({ length: 64 }, (_, index) => (index % 9 === 0 ? 1 : 0));
    const reference = { dimensions, mean: new Float64Array(dimensions).fill(0.05), covariance: identity };
    const truth = dimensions * 0.05 ** 2;
    const whole = frechetDistance(momentsOf(statisticsOf(features, dimensions)), reference);
    const extrapolated = await extrapolatedDistance({ features, reference, seed: 1 });
    expect(extrapolated.points).toHaveLength(15);
    expect(extrapolated.points[0].images).toBe(150);
    expect(extrapolated.points[14]).toEqual({ images: count, distance: expect.closeTo(whole, 9) });
    expect(extrapolated.slope).toBeGreaterThan(0);
    expect(Math.abs(extrapolated.value - truth)).toBeLessThan(Math.abs(whole - truth));
  });

  it('refuses sets that are too small', async () => {
    const reference = { dimensions: 1, mean: new Float64Array(1), covariance: Float64Array.of(1) };
    await expect(extrapolatedDistance({ features: new Float64Array(12), reference, seed: 0 })).rejects.toThrowError(
      few,
    );
  });
});

describe('imageSimilarity', () => {
  it('is what scipy computes', () => {
    const images = (values: number[]) => Float32Array.from(values, (value) => 2 * value - 1);
    const similarity = imageSimilarity(images(golden.ssim.first), images(golden.ssim.second), {
      size: 14,
      channels: 3,
    });
    expect(similarity.pairs).toBe(2);
    for (const key of ['ssim', 'absoluteError', 'rootMeanSquare'] as const) {
      expect(similarity[key], key).toBeCloseTo(golden.ssim[key], 6);
    }
  });

  it('is 1 for equal images, and refuses sets that do not pair', () => {
    const image = { size: 12, channels: 1 };
    const noise = randomNormal({ seed: 0, stream: 'ssim', index: 0 }, 144);
    expect(imageSimilarity(noise, noise, image)).toEqual({ ssim: 1, absoluteError: 0, rootMeanSquare: 0, pairs: 1 });
    expect(() => imageSimilarity(noise, noise.slice(1), image)).toThrowError(
      expect.objectContaining({ code: 'IMAGES_SHAPE' }),
    );
    expect(() => imageSimilarity(new Float32Array(64), new Float32Array(64), { size: 8, channels: 1 })).toThrowError(
      expect.objectContaining({ code: 'IMAGES_TOO_SMALL' }),
    );
  });
});
