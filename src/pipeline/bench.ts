import * as tf from '@tensorflow/tfjs-core';
import type { ExperimentConfig } from '../contract/config.js';
import { trainingObjective } from '../diffusion/objective.js';
import { convolutionShapes } from '../evaluation/inception/architecture.js';
import { inceptionFeatures, inceptionTensors } from '../evaluation/inception/network.js';
import { buildUNetSpec } from '../model/buildSpec.js';
import { initialiseWeights } from '../model/initialise.js';
import type { WeightArray } from '../model/weights.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import { peakRssBytes } from '../tensor/memory.js';
import { randomNormal } from '../tensor/random.js';
import { exampleImages } from './exampleBatch.js';

export interface BenchResult {
  readonly imagesPerSecond: number;
  /** Milliseconds of a step. */
  readonly stepMs: { readonly min: number; readonly median: number; readonly max: number };
  /** Largest memory of the process so far, bytes. */
  readonly peakRssBytes: number;
}

/** Speed of forward passes of the base network, as a sampler calls it. Needs an open engine. */
export function benchSample(config: ExperimentConfig, run: { batch: number; steps: number }): BenchResult {
  const spec = buildUNetSpec(config.model, config.data, config.diffusion);
  const denoiser = createNetworkDenoiser(spec, initialiseWeights(spec, config.seed), trainingObjective(config));
  const x = exampleImages(spec, run.batch);
  try {
    return timed(run, (step) => denoiser.predict(x, run.batch, step));
  } finally {
    denoiser.dispose();
  }
}

/** Side of the images that features are timed on, pixels; the network resizes them, so it hardly matters. */
const FEATURE_IMAGE_SIZE = 32;

/** Speed of the Inception features of FID, with made-up weights: values do not decide the speed. Needs an open engine. */
export function benchFeatures(run: { batch: number; steps: number }): BenchResult {
  const weights = new Map<string, WeightArray>();
  for (const [name, shape] of convolutionShapes()) {
    const count = shape.reduce((product, size) => product * size, 1);
    const scale = Math.sqrt((2 * shape[3]) / count);
    const values = randomNormal({ seed: 0, stream: `bench/${name}`, index: 0 }, count);
    weights.set(`${name}.kernel`, { shape, data: values.map((value) => value * scale) });
    weights.set(`${name}.bias`, { shape: [shape[3]], data: new Float32Array(shape[3]) });
  }
  const tensors = inceptionTensors(weights);
  const shape: [number, number, number, number] = [run.batch, FEATURE_IMAGE_SIZE, FEATURE_IMAGE_SIZE, 3];
  const pixels = randomNormal({ seed: 0, stream: 'bench', index: 0 }, shape[0] * shape[1] * shape[2] * shape[3]);
  try {
    return timed(run, () => tf.tidy(() => inceptionFeatures(tensors, tf.tensor4d(pixels, shape), 2048).dataSync()));
  } finally {
    tf.dispose([...tensors.values()]);
  }
}

/** Times `steps` calls after a first one that is not timed. */
function timed(run: { batch: number; steps: number }, call: (step: number) => unknown): BenchResult {
  call(1);
  const times = Array.from({ length: run.steps }, (_, index) => {
    const started = performance.now();
    call(index + 2);
    return performance.now() - started;
  });
  return { ...summarise(times, run.batch), peakRssBytes: peakRssBytes() };
}

/** What steps of so many milliseconds, each of a batch of images, come to. */
export function summarise(times: readonly number[], batch: number): Omit<BenchResult, 'peakRssBytes'> {
  const middle = median(times);
  return {
    imagesPerSecond: (batch * 1000) / middle,
    stepMs: { min: Math.min(...times), median: middle, max: Math.max(...times) },
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
