import { normalisedImages } from '../data/batchImages.js';
import type { Dataset } from '../data/dataset.js';
import { imageIndices } from '../data/epochOrder.js';
import { addNoise } from '../diffusion/forwardProcess.js';
import type { NoiseSchedule } from '../diffusion/noiseSchedule.js';
import { randomIntegers, randomNormal } from '../tensor/random.js';
import type { TimestepDraw } from './timestepDraws.js';
import type { MicroBatch } from './trainStep.js';

/** What an update's batch depends on, and nothing else: a resumed run draws the same batches. */
export interface BatchRequest {
  readonly dataset: Dataset;
  readonly schedule: NoiseSchedule;
  readonly draw: TimestepDraw;
  readonly seed: number;
  /** Name of the run's random stream, such as the stage. */
  readonly stream: string;
  /** 1-based count of optimizer updates. */
  readonly update: number;
  /** Images per update. */
  readonly batch: number;
  /** Most images per forward pass; divides the same batch differently and changes nothing in it. */
  readonly microBatch: number;
  /** Whether each image is mirrored with probability one half. */
  readonly flip: boolean;
}

/** One update's images in epoch order, noised to drawn timesteps, with the noise as target (DDPM, algorithm 1). */
export function drawBatch(request: BatchRequest): MicroBatch[] {
  const { dataset, schedule, seed, stream, update, batch } = request;
  const key = (part: string) => ({ seed, stream: `${stream}/${part}`, index: update });
  const indices = imageIndices({ seed, stream: `${stream}/images` }, dataset.count, update, batch);
  const flips = request.flip ? Uint8Array.from(randomIntegers(key('flips'), batch, 0, 2)) : null;
  const images = normalisedImages(dataset, indices, flips);
  const timesteps = request.draw(key('timesteps'), batch);
  const noise = randomNormal(key('noise'), images.length);
  return divide(addNoise(schedule, images, noise, timesteps), noise, timesteps, request.microBatch);
}

/**
 * Divides a batch into micro-batches of at most `microBatch` images, as views of the given arrays, with all loss weights one.
 *
 * @param xt (N, H, W, C) noised images
 * @param noise (N, H, W, C) the noise in them
 * @param timesteps (N)
 */
export function divide(xt: Float32Array, noise: Float32Array, timesteps: Int32Array, microBatch: number): MicroBatch[] {
  const total = timesteps.length;
  const pixels = xt.length / total;
  const parts: MicroBatch[] = [];
  for (let first = 0; first < total; first += microBatch) {
    const end = Math.min(first + microBatch, total);
    parts.push({
      count: end - first,
      xt: xt.subarray(first * pixels, end * pixels),
      target: noise.subarray(first * pixels, end * pixels),
      timesteps: timesteps.subarray(first, end),
      weights: new Float32Array(end - first).fill(1),
    });
  }
  return parts;
}
