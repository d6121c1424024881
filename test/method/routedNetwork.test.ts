import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { modelSchema, samplingSchema } from '../../src/contract/config.js';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import { routeByTimestep } from '../../src/method/router.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import type { Weights } from '../../src/model/weights.js';
import { createNetworkDenoiser } from '../../src/sampling/networkDenoiser.js';
import { sampleImages } from '../../src/sampling/sampleImages.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomNormal } from '../../src/tensor/random.js';

const bounds = [0, 200, 400, 600, 800, 1000];
const schedule = noiseSchedule({ schedule: 'linear', timesteps: 1000 });
const meaning = { schedule, prediction: 'epsilon' } as const;
const model = modelSchema.parse({ channels: 8, multipliers: [1, 2], blocks: 1, attention: [4], normGroups: 4 });
const spec = buildUNetSpec(model, { size: 8, channels: 1 });
/** Fresh networks predict almost nothing; these predict something at every pixel. */
const weightsOf = (seed: number): Weights =>
  new Map(
    [...tensorShapes(spec)].map(([stream, shape]) => {
      const count = shape.reduce((product, length) => product * length, 1);
      return [stream, { shape, data: randomNormal({ seed, stream, index: 0 }, count).map((value) => 0.2 * value) }];
    }),
  );
const weights = weightsOf(3);

beforeAll(async () => {
  await openEngine('wasm');
});

it('copies of a network, opened one at a time, give its samples bit for bit and leave no tensors behind', async () => {
  const sampling = samplingSchema.parse({ method: 'ddim', steps: 12, grid: 'uniform', eta: 0.3, batch: 2 });
  const options = { schedule, sampling, count: 3, size: 8, channels: 1, seed: 21 };
  const tensorsBefore = tf.memory().numTensors;

  const network = createNetworkDenoiser(spec, weights, meaning);
  const base = await sampleImages({ ...options, denoiser: network });
  network.dispose();

  const opened: number[] = [];
  const open = (group: number) => {
    opened.push(group);
    return createNetworkDenoiser(spec, weights, meaning);
  };
  const router = routeByTimestep(bounds, open, { resident: 'one' });
  const routed = await sampleImages({ ...options, denoiser: router });
  router.dispose();

  expect(routed).toEqual(base);
  expect(opened).toEqual([4, 3, 2, 1, 0, 4, 3, 2, 1, 0]);
  expect(tf.memory().numTensors).toBe(tensorsBefore);
});

it('another expert in one group changes the samples', async () => {
  const sampling = samplingSchema.parse({ method: 'ddim', steps: 5, grid: 'uniform' });
  const options = { schedule, sampling, count: 1, size: 8, channels: 1, seed: 21 };
  const sampleWith = async (expertSeed: number) => {
    const router = routeByTimestep(
      [0, 500, 1000],
      [createNetworkDenoiser(spec, weights, meaning), createNetworkDenoiser(spec, weightsOf(expertSeed), meaning)],
    );
    const images = await sampleImages({ ...options, denoiser: router });
    router.dispose();
    return images;
  };
  expect(await sampleWith(4)).not.toEqual(await sampleWith(3));
});
