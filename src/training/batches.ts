import { normalisedImages } from '../data/batchImages.js';
import type { Dataset } from '../data/dataset.js';
import { imageIndices } from '../data/epochOrder.js';
import { addNoise } from '../diffusion/forwardProcess.js';
import { lossWeight } from '../diffusion/lossWeight.js';
import type { Objective } from '../diffusion/objective.js';
import { BOUND_TERMS, boundTerms } from '../diffusion/posterior.js';
import { predictionTarget } from '../diffusion/prediction.js';
import { randomIntegers, randomNormal } from '../tensor/random.js';
import { drawTimesteps, type TimestepDraw } from './timestepDraws.js';
import type { MicroBatch } from './trainStep.js';

/** What the batches of a training depend on, besides the update. Plain data, so that another thread can be told it. */
export interface BatchStream {
  readonly dataset: Dataset;
  readonly objective: Objective;
  readonly draw: TimestepDraw;
  readonly seed: number;
  /** Name of the run's random stream, such as the stage. */
  readonly stream: string;
  /** Images per update. */
  readonly batch: number;
  /** Most images per forward pass; divides the same batch differently and changes nothing in it. */
  readonly microBatch: number;
  /** Whether each image is mirrored with probability one half. */
  readonly flip: boolean;
}

/** What an update's batch depends on, and nothing else: a resumed run draws the same batches. */
export interface BatchRequest extends BatchStream {
  /** 1-based count of optimizer updates. */
  readonly update: number;
}

/** One update's images in epoch order, noised to drawn timesteps, with what should be predicted (DDPM, algorithm 1). */
export function drawBatch(request: BatchRequest): MicroBatch[] {
  const { dataset, objective, seed, stream, update, batch } = request;
  const key = (part: string) => ({ seed, stream: `${stream}/${part}`, index: update });
  const indices = imageIndices({ seed, stream: `${stream}/images` }, dataset.count, update, batch);
  const flips = request.flip ? Uint8Array.from(randomIntegers(key('flips'), batch, 0, 2)) : null;
  const images = normalisedImages(dataset, indices, flips);
  const timesteps = drawTimesteps(request.draw, key('timesteps'), batch);
  const noise = randomNormal(key('noise'), images.length);
  return divide(noisedBatch(objective, images, noise, timesteps), request.microBatch);
}

/**
 * Images noised to timesteps, with the target and the loss weight that the objective gives them.
 *
 * @param images (N, H, W, C) in [-1, 1]
 * @param noise standard normal numbers, same layout
 * @param timesteps (N)
 */
export function noisedBatch(
  { schedule, prediction, learnedVariance, weight }: Objective,
  images: Float32Array,
  noise: Float32Array,
  timesteps: Int32Array,
): MicroBatch {
  const alphaBar = Array.from(timesteps, (t) => schedule.alphaBar[t]);
  return {
    count: timesteps.length,
    xt: addNoise(schedule, images, noise, timesteps),
    target: predictionTarget(prediction, images, noise, alphaBar),
    timesteps,
    weights: Float32Array.from(alphaBar, (kept) => lossWeight(weight, prediction, kept)),
    bound: learnedVariance
      ? Float32Array.from([...timesteps].flatMap((t) => boundTerms(schedule, prediction, t)))
      : undefined,
  };
}

/** Divides a batch into micro-batches of at most `microBatch` images, as views of its arrays. */
export function divide(batch: MicroBatch, microBatch: number): MicroBatch[] {
  const { count, xt, target, timesteps, weights, bound } = batch;
  const pixels = xt.length / count;
  const parts: MicroBatch[] = [];
  for (let first = 0; first < count; first += microBatch) {
    const end = Math.min(first + microBatch, count);
    parts.push({
      count: end - first,
      xt: xt.subarray(first * pixels, end * pixels),
      target: target.subarray(first * pixels, end * pixels),
      timesteps: timesteps.subarray(first, end),
      weights: weights.subarray(first, end),
      bound: bound?.subarray(first * BOUND_TERMS, end * BOUND_TERMS),
    });
  }
  return parts;
}
