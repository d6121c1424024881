import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalisedImages } from '../../src/data/batchImages.js';
import type { Dataset } from '../../src/data/dataset.js';
import {
  createFeatureNetwork,
  initialFeatureWeights,
  readFeatureNetwork,
  writeFeatureNetwork,
} from '../../src/evaluation/featureNetwork.js';
import { trainFeatureNetwork } from '../../src/evaluation/trainFeatureNetwork.js';
import type { Weights } from '../../src/model/weights.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomUniform } from '../../src/tensor/random.js';

const SIZE = 8;

/** Two classes told apart by which half of the image is bright, under noise. */
function halvesDataset(count: number): Dataset {
  const noise = randomUniform({ seed: 5, stream: 'test', index: 0 }, count * SIZE * SIZE);
  const labels = Uint8Array.from({ length: count }, (_, image) => image % 2);
  const pixels = Uint8Array.from(noise, (value, index) => {
    const upper = index % (SIZE * SIZE) < (SIZE * SIZE) / 2;
    const bright = upper === (labels[Math.floor(index / (SIZE * SIZE))] === 0);
    return value * 100 + (bright ? 100 : 0);
  });
  return { source: 'halves', count, size: SIZE, channels: 1, pixels, labels, classes: ['upper', 'lower'], hash: 'h' };
}

/** The network in plain loops: three convolutions that look one pixel down and right of each block, SiLU, mean. */
function featuresInLoops(weights: Weights, image: Float32Array): number[] {
  let size = SIZE;
  let channels = 1;
  let values = [...image];
  for (let layer = 0; layer < 3; layer += 1) {
    const { data: kernel, shape } = weights.get(`conv${layer}.weight`)!;
    const bias = weights.get(`conv${layer}.bias`)!.data;
    const [, , , outputs] = shape as [number, number, number, number];
    const half = size / 2;
    const next = new Array<number>(half * half * outputs).fill(0);
    for (let y = 0; y < half; y += 1)
      for (let x = 0; x < half; x += 1)
        for (let o = 0; o < outputs; o += 1) {
          let sum = bias[o]!;
          for (let ky = 0; ky < 3; ky += 1)
            for (let kx = 0; kx < 3; kx += 1) {
              const [row, column] = [2 * y + ky, 2 * x + kx];
              if (row >= size || column >= size) continue;
              for (let c = 0; c < channels; c += 1) {
                sum +=
                  values[(row * size + column) * channels + c]! * kernel[((ky * 3 + kx) * channels + c) * outputs + o]!;
              }
            }
          next[(y * half + x) * outputs + o] = sum / (1 + Math.exp(-sum));
        }
    [values, size, channels] = [next, half, outputs];
  }
  const pixels = size * size;
  return Array.from({ length: channels }, (_, channel) => {
    let sum = 0;
    for (let pixel = 0; pixel < pixels; pixel += 1) sum += values[pixel * channels + channel]!;
    return sum / pixels;
  });
}

let folder: string;
beforeAll(async () => {
  await openEngine('auto');
  folder = await mkdtemp(join(tmpdir(), 'stepadapt-features-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('feature network', () => {
  const dataset = halvesDataset(600);
  const images = normalisedImages(
    dataset,
    Int32Array.from({ length: 300 }, (_, index) => index),
    null,
  );
  const identity = {
    source: 'fashion-mnist',
    size: SIZE,
    channels: 1,
    classes: 2,
    data: 'h',
    seed: 4,
    updates: 1,
    accuracy: 0.123456789012345,
    scale: 0.7,
  };
  const network = createFeatureNetwork(identity, initialFeatureWeights(1, 2, 4));

  it('computes what plain loops compute, for every image of several batches', async () => {
    const features = await network.extract(images, 300);
    expect(features).toHaveLength(300 * 64);
    for (const image of [0, 255, 256, 299]) {
      const expected = featuresInLoops(network.weights, images.subarray(image * 64, (image + 1) * 64));
      expected.forEach((value, axis) => expect(features[image * 64 + axis]).toBeCloseTo(0.7 * value, 5));
    }
  });

  it('names itself after data, size and version, and never FID', () => {
    expect(network).toMatchObject({ id: 'fashion-mnist-8-v1', label: 'FD (fashion features)', dimensions: 64 });
  });

  it('comes back from its file to the last bit, and its hash is that of the file', async () => {
    const path = join(folder, 'features.safetensors');
    await writeFeatureNetwork(path, network);
    const again = await readFeatureNetwork(path);
    expect(again.identity).toEqual(network.identity);
    expect(again.hash).toBe(network.hash);
    expect(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ).toBe(network.hash);
    expect(await again.extract(images, 300)).toEqual(await network.extract(images, 300));
  });

  it('has another hash with other weights', () => {
    expect(createFeatureNetwork(identity, initialFeatureWeights(1, 2, 5)).hash).not.toBe(network.hash);
  });

  it('refuses a file that is not a feature network', async () => {
    const path = join(folder, 'other.safetensors');
    const header = Buffer.from('{"__metadata__":{"source":"x"}}'.padEnd(32));
    await writeFile(path, Buffer.concat([Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]), header]));
    await expect(readFeatureNetwork(path)).rejects.toMatchObject({ kind: 'input', code: 'FEATURE_NETWORK_INVALID' });
  });
});

describe('trainFeatureNetwork', () => {
  it('learns, repeats exactly with one seed, and leaves no tensor behind', async () => {
    const dataset = halvesDataset(1000);
    const before = tf.memory().numTensors;
    const reported: number[] = [];
    const train = (seed: number) =>
      trainFeatureNetwork({ dataset, seed, updates: 41, onProgress: (update) => reported.push(update) });
    const network = await train(1);
    expect(network.accuracy).toBeGreaterThan(0.95);
    expect(reported).toEqual([1, 21, 41]);
    const features = await network.extract(
      normalisedImages(
        dataset,
        Int32Array.from({ length: 900 }, (_, i) => i),
        null,
      ),
      900,
    );
    const meanSquare = features.reduce((sum, value) => sum + value * value, 0) / features.length;
    expect(meanSquare).toBeCloseTo(1, 5);
    expect((await train(1)).hash).toBe(network.hash);
    expect((await train(2)).hash).not.toBe(network.hash);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses data without labels', async () => {
    const dataset = { ...halvesDataset(20), labels: null, classes: [] };
    const oneClass = { ...halvesDataset(20), labels: new Uint8Array(20), classes: ['all'] };
    await expect(trainFeatureNetwork({ dataset: oneClass })).rejects.toMatchObject({ code: 'DATA_UNLABELLED' });
    await expect(trainFeatureNetwork({ dataset })).rejects.toMatchObject({ code: 'DATA_UNLABELLED' });
  });

  it('stops when asked', async () => {
    const options = { dataset: halvesDataset(20), signal: AbortSignal.abort() };
    await expect(trainFeatureNetwork(options)).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
