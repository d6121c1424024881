import * as tf from '@tensorflow/tfjs-core';
import { inputError, interrupted } from '../contract/errors.js';
import { normalisedImages } from '../data/batchImages.js';
import type { Dataset } from '../data/dataset.js';
import type { Objective } from '../diffusion/objective.js';
import { toRuntime } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { forwardPass } from '../sampling/forwardPass.js';
import { randomNormal, randomPermutation } from '../tensor/random.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { divide, noisedBatch } from './batches.js';
import { batchTensors, perImageSquaredError } from './loss.js';
import type { MicroBatch } from './trainStep.js';

/** Images per forward pass. */
const FORWARD_BATCH = 32;

export interface HeldOutRequest {
  /** The held-out split. */
  readonly heldOut: Dataset;
  readonly objective: Objective;
  /** The timestep group, [from, to). */
  readonly from: number;
  readonly to: number;
  /** Number of (image, noise, timestep) triples; images repeat, with other noise, where the split is smaller. */
  readonly images: number;
  readonly seed: number;
}

/**
 * The fixed triples on which networks are compared over one group. Timesteps are the midpoints of `images` equal parts of the
 * group, so their spread adds no chance to the comparison; images and noises are drawn once from the seed.
 *
 * @throws input error `NO_HELD_OUT_IMAGES` for an empty split
 */
export function heldOutSet({ heldOut, objective, from, to, images, seed }: HeldOutRequest): MicroBatch[] {
  if (heldOut.count === 0) {
    throw inputError(
      'NO_HELD_OUT_IMAGES',
      'the data has no held-out images to measure a loss on',
      'use more images (data.count)',
    );
  }
  const order = randomPermutation({ seed, stream: 'held-out/images', index: 0 }, heldOut.count);
  const indices = Int32Array.from({ length: images }, (_, i) => order[i % heldOut.count]);
  const clean = normalisedImages(heldOut, indices, null);
  const noise = randomNormal({ seed, stream: 'held-out/noise', index: 0 }, clean.length);
  const timesteps = Int32Array.from({ length: images }, (_, i) =>
    Math.floor(from + ((i + 0.5) * (to - from)) / images),
  );
  return divide(noisedBatch(objective, clean, noise, timesteps), FORWARD_BATCH);
}

/**
 * Squared error of a network's prediction on a held-out set, unweighted and without dropout.
 *
 * @returns the mean over all images and each image's mean squared error, in the set's order
 * @throws `INTERRUPTED` between batches once the signal is aborted
 */
export async function heldOutLoss(
  spec: UNetSpec,
  weights: Weights,
  set: readonly MicroBatch[],
  signal?: AbortSignal,
): Promise<{ mean: number; perImage: Float32Array }> {
  const perImage = new Float32Array(set.reduce((sum, batch) => sum + batch.count, 0));
  const network = toRuntime(weights);
  const forward = forwardPass(spec, network);
  try {
    let first = 0;
    for (const batch of set) {
      if (signal?.aborted) throw interrupted();
      const losses = tf.tidy(() => {
        const { xt, target, timesteps } = batchTensors(spec, batch);
        return perImageSquaredError(forward(xt, timesteps), target).dataSync<'float32'>();
      });
      perImage.set(losses, first);
      first += batch.count;
      await yieldToEventLoop();
    }
  } finally {
    tf.dispose([...network.values()]);
  }
  return { mean: perImage.reduce((sum, loss) => sum + loss, 0) / perImage.length, perImage };
}
