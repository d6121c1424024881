import type { SamplingConfig } from '../contract/config.js';
import { failure, interrupted } from '../contract/errors.js';
import type { NoiseSchedule } from '../diffusion/noiseSchedule.js';
import { randomNormal } from '../tensor/random.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { ddimDeviation, ddimStep } from './ddim.js';
import { ddpmDeviation, ddpmStep, learnedDeviation } from './ddpm.js';
import type { Denoiser, Prediction } from './denoiser.js';
import { visitedTimesteps } from './timestepGrid.js';

export interface SamplingOptions {
  readonly denoiser: Denoiser;
  readonly schedule: NoiseSchedule;
  readonly sampling: SamplingConfig;
  /** Images to make. */
  readonly count: number;
  /** Number of the first image, default 0: shards of one set start where the one before ended. */
  readonly firstImage?: number;
  /** Side of the images, pixels. */
  readonly size: number;
  readonly channels: number;
  readonly seed: number;
  /** Called after every step with the images finished and the finished fraction (0, 1] of the batch in work. */
  readonly onProgress?: (imagesDone: number, stepFraction: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Draws images from a denoiser. Every noise of image i depends on (seed, i, step) alone, so batch size and sharding never
 * change an image.
 *
 * @returns (count, H, W, C) row-major images in [-1, 1]
 * @throws `STEPS_EXCEED_TIMESTEPS`; `SAMPLES_NOT_FINITE` if the denoiser diverged; `INTERRUPTED`
 */
export async function sampleImages(options: SamplingOptions): Promise<Float32Array> {
  const { sampling, count, firstImage = 0 } = options;
  const pixels = options.size * options.size * options.channels;
  const images = new Float32Array(count * pixels);
  for (let done = 0; done < count; done += sampling.batch) {
    const batch = Math.min(sampling.batch, count - done);
    const finished = await sampleBatch(options, firstImage + done, batch, (fraction) =>
      options.onProgress?.(fraction === 1 ? done + batch : done, fraction),
    );
    images.set(finished, done * pixels);
  }
  return images;
}

async function sampleBatch(
  options: SamplingOptions,
  firstImage: number,
  batch: number,
  onStep: (fraction: number) => void,
): Promise<Float32Array> {
  const { denoiser, schedule, sampling, signal } = options;
  const visited = visitedTimesteps(sampling, schedule.timesteps);
  const pixels = options.size * options.size * options.channels;
  const noiseAt = (step: number) => batchNoise(options.seed, step, firstImage, batch, pixels);
  let x = noiseAt(0);
  for (let step = 0; step < visited.length; step++) {
    if (signal?.aborted) throw interrupted();
    const alphaBar = schedule.alphaBar[visited[step]];
    const alphaBarNext = step + 1 < visited.length ? schedule.alphaBar[visited[step + 1]] : 1;
    await denoiser.prepare?.(visited[step]);
    const prediction = denoiser.predict(x, batch, visited[step]);
    x = reverseStep(sampling, { x, prediction, alphaBar, alphaBarNext, fresh: () => noiseAt(step + 1) });
    onStep((step + 1) / visited.length);
    await yieldToEventLoop();
  }
  return finishedImages(x, firstImage);
}

function reverseStep(
  { method, eta, variance, clip }: SamplingConfig,
  step: {
    readonly x: Float32Array;
    readonly prediction: Prediction;
    readonly alphaBar: number;
    readonly alphaBarNext: number;
    readonly fresh: () => Float32Array;
  },
): Float32Array {
  const { x, prediction, alphaBar, alphaBarNext } = step;
  const { noise, image, varianceFraction } = prediction;
  const given = { x, noise, image, alphaBar, alphaBarNext, clip };
  if (method === 'ddim') {
    const deviation = ddimDeviation(alphaBar, alphaBarNext, eta);
    return ddimStep({ ...given, deviation, fresh: deviation === 0 ? null : step.fresh() });
  }
  const deviation = varianceFraction
    ? learnedDeviation(alphaBar, alphaBarNext, varianceFraction)
    : ddpmDeviation(alphaBar, alphaBarNext, variance);
  return ddpmStep({ ...given, deviation, fresh: deviation === 0 ? null : step.fresh() });
}

/** Standard normal numbers of a batch at one step: 0 is the starting noise, s the noise added after the s-th step. */
function batchNoise(seed: number, step: number, firstImage: number, batch: number, pixels: number): Float32Array {
  const noise = new Float32Array(batch * pixels);
  for (let i = 0; i < batch; i++) {
    noise.set(randomNormal({ seed, stream: `sample/${firstImage + i}`, index: step }, pixels), i * pixels);
  }
  return noise;
}

function finishedImages(x: Float32Array, firstImage: number): Float32Array {
  if (!x.every(Number.isFinite)) {
    throw failure(
      'SAMPLES_NOT_FINITE',
      `the denoiser gave numbers that are not finite while making images from ${firstImage} on`,
      'use an earlier checkpoint, or train with a lower learning rate',
    );
  }
  return x.map((value) => Math.max(-1, Math.min(1, value)));
}
