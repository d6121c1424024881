import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { configSchema, modelSchema } from '../../src/contract/config.js';
import type { Dataset } from '../../src/data/dataset.js';
import { trainingObjective } from '../../src/diffusion/objective.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { heldOutLoss, heldOutSet, type HeldOutRequest } from '../../src/training/heldOutLoss.js';

const SIZE = 8;
const heldOut: Dataset = {
  source: 'test',
  count: 10,
  size: SIZE,
  channels: 1,
  pixels: Uint8Array.from({ length: 10 * SIZE * SIZE }, (_, i) => (i * 37) % 256),
  labels: null,
  classes: [],
  hash: '',
};
const objective = trainingObjective(configSchema.parse({ diffusion: { timesteps: 100 } }));

function request(rest: Partial<HeldOutRequest> = {}): HeldOutRequest {
  return { heldOut, objective, from: 20, to: 60, images: 40, seed: 5, ...rest };
}

const timestepsOf = (rest: Partial<HeldOutRequest>) =>
  heldOutSet(request(rest)).flatMap(({ timesteps }) => [...timesteps]);

describe('heldOutSet', () => {
  it('spreads timesteps evenly over the group', () => {
    expect(timestepsOf({})).toEqual(Array.from({ length: 40 }, (_, i) => 20 + i));
    expect(timestepsOf({ images: 4 })).toEqual([25, 35, 45, 55]);
    expect(timestepsOf({ from: 7, to: 8, images: 3 })).toEqual([7, 7, 7]);
    const many = timestepsOf({ images: 101 });
    for (let t = 20; t < 60; t++) expect(many.filter((drawn) => drawn === t).length).toBeGreaterThanOrEqual(2);
  });

  it('is the same for the same seed, and other noise for each use of an image', () => {
    expect(heldOutSet(request())).toEqual(heldOutSet(request()));
    expect(heldOutSet(request({ seed: 6 }))[0].target).not.toEqual(heldOutSet(request())[0].target);
    const [first] = heldOutSet(request());
    const pixels = SIZE * SIZE;
    expect(first.target.slice(0, pixels)).not.toEqual(first.target.slice(10 * pixels, 11 * pixels));
  });

  it('refuses an empty split', () => {
    expect(() => heldOutSet(request({ heldOut: { ...heldOut, count: 0 } }))).toThrow(
      expect.objectContaining({ code: 'NO_HELD_OUT_IMAGES' }),
    );
  });
});

describe('heldOutLoss', () => {
  beforeAll(async () => {
    await openEngine('wasm');
  });

  it('is the mean square of the noise for a network whose output is zero', async () => {
    const spec = buildUNetSpec(
      modelSchema.parse({ channels: 4, multipliers: [1, 2], blocks: 1, attention: [], dropout: 0.5, normGroups: 2 }),
      { size: SIZE, channels: 1 },
    );
    const weights = new Map(initialiseWeights(spec, 0));
    for (const name of ['conv_out.weight', 'conv_out.bias']) {
      const { shape, data } = weights.get(name)!;
      weights.set(name, { shape, data: new Float32Array(data.length) });
    }
    const set = heldOutSet(request());
    const squares = set.flatMap(({ target }) => [...target]).map((value) => value * value);
    const { mean, perImage } = await heldOutLoss(spec, weights, set);
    expect(perImage).toHaveLength(40);
    expect(mean).toBeCloseTo(squares.reduce((sum, value) => sum + value, 0) / squares.length, 5);
    const pixels = SIZE * SIZE;
    perImage.forEach((loss, image) => {
      const own = squares.slice(image * pixels, (image + 1) * pixels);
      expect(loss).toBeCloseTo(own.reduce((sum, value) => sum + value, 0) / pixels, 5);
    });
  });

  it('stops between batches', async () => {
    const spec = buildUNetSpec(
      modelSchema.parse({ channels: 4, multipliers: [1], blocks: 1, attention: [], normGroups: 2 }),
      {
        size: SIZE,
        channels: 1,
      },
    );
    const stop = new AbortController();
    const tensors = tf.memory().numTensors;
    const measured = heldOutLoss(spec, initialiseWeights(spec, 0), heldOutSet(request()), stop.signal);
    stop.abort();
    await expect(measured).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(tf.memory().numTensors).toBe(tensors);
  });
});
