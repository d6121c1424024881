import type { Objective } from '../diffusion/objective.js';
import type { UNetSpec } from '../model/spec.js';
import { randomNormal } from '../tensor/random.js';
import { noisedBatch } from '../training/batches.js';
import type { MicroBatch } from '../training/trainStep.js';

/** Made-up images as a network sees them: (count, size, size, inChannels), for measuring speed and memory. */
export function exampleImages(spec: UNetSpec, count: number): Float32Array {
  return randomNormal({ seed: 0, stream: 'example', index: 0 }, count * spec.size ** 2 * spec.inChannels);
}

/** A micro-batch of made-up images, its timesteps spread over all. */
export function exampleBatch(spec: UNetSpec, objective: Objective, count: number): MicroBatch {
  const { timesteps } = objective.schedule;
  const images = exampleImages(spec, count);
  return noisedBatch(
    objective,
    images,
    images,
    Int32Array.from({ length: count }, (_, i) => Math.floor((i * timesteps) / count)),
  );
}
