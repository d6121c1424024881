import { describe, expect, it } from 'vitest';
import { samplingSchema, type SamplingConfig } from '../../src/contract/config.js';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import type { Denoiser } from '../../src/sampling/denoiser.js';
import { sampleImages } from '../../src/sampling/sampleImages.js';

const schedule = noiseSchedule({ schedule: 'linear', timesteps: 1000 });
const sampling = (values: Partial<SamplingConfig>) => samplingSchema.parse(values);
const shape = { size: 4, channels: 3 };
const pixels = 48;

/** A denoiser of one formula per pixel, as a network treats each image of a batch alike. */
function pixelwise(noiseOf: (value: number, alphaBar: number) => number): Denoiser & { calls: number[][] } {
  const calls: number[][] = [];
  return {
    calls,
    predict: (x, count, timestep) => {
      calls.push([count, timestep]);
      return { noise: x.map((value) => noiseOf(value, schedule.alphaBar[timestep])) };
    },
    dispose: () => undefined,
  };
}
const wavy = () => pixelwise((value, alphaBar) => Math.sin(3 * value) + alphaBar);

/** The optimal denoiser of data whose pixels are independent N(mean, deviation^2). */
const gaussian = (mean: number, deviation: number) =>
  pixelwise(
    (value, kept) => (Math.sqrt(1 - kept) * (value - Math.sqrt(kept) * mean)) / (kept * deviation ** 2 + 1 - kept),
  );

function momentsOf(images: Float32Array): { mean: number; deviation: number } {
  const mean = images.reduce((sum, value) => sum + value, 0) / images.length;
  const variance = images.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (images.length - 1);
  return { mean, deviation: Math.sqrt(variance) };
}

describe('noises are keyed by image and step', () => {
  const options = { schedule, ...shape, count: 7, seed: 5 };
  const noisy = { method: 'ddpm', steps: 20, grid: 'uniform' } as const;

  it.each([1, 3, 7, 64])('batches of %i give the same images', async (batch) => {
    const whole = await sampleImages({ ...options, denoiser: wavy(), sampling: sampling({ ...noisy, batch: 4 }) });
    const other = await sampleImages({ ...options, denoiser: wavy(), sampling: sampling({ ...noisy, batch }) });
    expect(other).toEqual(whole);
  });

  it('shards give the same images as one run', async () => {
    const config = sampling({ ...noisy, batch: 4 });
    const whole = await sampleImages({ ...options, denoiser: wavy(), sampling: config });
    const shard = await sampleImages({ ...options, denoiser: wavy(), sampling: config, firstImage: 2, count: 3 });
    expect(shard).toEqual(whole.slice(2 * pixels, 5 * pixels));
  });

  it('another seed and another image give another picture', async () => {
    const config = sampling({ steps: 5 });
    const first = await sampleImages({ ...options, denoiser: wavy(), sampling: config });
    const second = await sampleImages({ ...options, denoiser: wavy(), sampling: config, seed: 6 });
    expect(first.slice(0, pixels)).not.toEqual(second.slice(0, pixels));
    expect(first.slice(0, pixels)).not.toEqual(first.slice(pixels, 2 * pixels));
  });

  it('visits the grid once per batch and keeps the last, smaller batch', async () => {
    const denoiser = wavy();
    await sampleImages({ ...options, denoiser, sampling: sampling({ steps: 4, batch: 5 }) });
    const grid = [750, 500, 250, 0];
    expect(denoiser.calls).toEqual([...grid.map((t) => [5, t]), ...grid.map((t) => [2, t])]);
  });
});

describe('Gaussian data with their optimal denoiser', () => {
  // 3072 values: standard errors are 0.018 of the deviation for the mean, 0.013 for the deviation itself.
  const data = { mean: 0.25, deviation: 0.15 };
  it.each([
    ['DDIM', { method: 'ddim', eta: 0 }],
    ['DDIM, eta 0.5', { method: 'ddim', eta: 0.5 }],
    ['DDPM, small variance', { method: 'ddpm', variance: 'small' }],
    ['DDPM, large variance', { method: 'ddpm', variance: 'large' }],
  ] as const)('%s draws their mean and deviation', async (_, method) => {
    const denoiser = gaussian(data.mean, data.deviation);
    const images = await sampleImages({
      denoiser,
      schedule,
      sampling: sampling({ ...method, steps: 500 }),
      count: 64,
      ...shape,
      seed: 11,
    });
    const found = momentsOf(images);
    expect(Math.abs(found.mean - data.mean)).toBeLessThan(0.08 * data.deviation);
    expect(Math.abs(found.deviation / data.deviation - 1)).toBeLessThan(0.06);
  });
});

describe('running', () => {
  const options = { schedule, ...shape, count: 3, seed: 1 };

  it('gives images in [-1, 1]', async () => {
    const wild = pixelwise((value) => -20 * value);
    const images = await sampleImages({ ...options, denoiser: wild, sampling: sampling({ steps: 5, clip: false }) });
    expect(images.every((value) => value >= -1 && value <= 1)).toBe(true);
  });

  it('reports finished images and the fraction of the batch in work', async () => {
    const progress: [number, number][] = [];
    const onProgress = (done: number, fraction: number) => progress.push([done, fraction]);
    await sampleImages({ ...options, denoiser: wavy(), sampling: sampling({ steps: 2, batch: 2 }), onProgress });
    expect(progress).toEqual([
      [0, 0.5],
      [2, 1],
      [2, 0.5],
      [3, 1],
    ]);
  });

  it('lets other work run between steps and stops when asked', async () => {
    const abort = new AbortController();
    const denoiser = wavy();
    setImmediate(() => setImmediate(() => abort.abort()));
    const run = sampleImages({ ...options, denoiser, sampling: sampling({ steps: 1000 }), signal: abort.signal });
    await expect(run).rejects.toMatchObject({ kind: 'interrupted' });
    expect(denoiser.calls.length).toBeLessThan(10);
  });

  it('refuses images that are not finite', async () => {
    const broken = pixelwise(() => Number.NaN);
    await expect(
      sampleImages({ ...options, denoiser: broken, sampling: sampling({ steps: 2, clip: false }) }),
    ).rejects.toMatchObject({ kind: 'failure', code: 'SAMPLES_NOT_FINITE' });
  });
});
