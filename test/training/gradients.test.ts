import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { toRuntime } from '../../src/model/runtimeWeights.js';
import { unetForward } from '../../src/model/unet.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import type { Weights } from '../../src/model/weights.js';
import { nativeBackend } from '../../src/tensor/graph/nativeBackend.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { setImageParts } from '../../src/tensor/parallelism.js';
import { lossGradients, openGradients } from '../../src/training/gradients.js';
import { randomBatch, randomWeights, tinySpec } from '../method/tinyModel.js';
import { nativeMissing } from '../tensor/engines.js';
import { batch as trainingBatch, image, model, relativeDistance } from './tinySteps.js';

describe('lossGradients', () => {
  const spec = tinySpec();
  const weights = randomWeights(spec, 1);
  const batch = { ...randomBatch(spec, 2, 3), weights: Float32Array.of(1, 0.5, 2) };

  beforeAll(async () => {
    await openEngine('wasm');
  });

  /** sum of weight x mean squared error, over the number of images, in double precision from the prediction on. */
  function loss(of: Weights): number {
    const runtime = toRuntime(of);
    const prediction = tf.tidy(() => {
      const xt = tf.tensor4d(batch.xt, [3, 8, 8, 1]);
      return unetForward(spec, runtime, xt, tf.tensor1d([...batch.timesteps]), null).dataSync();
    });
    tf.dispose([...runtime.values()]);
    let sum = 0;
    prediction.forEach((value, i) => {
      sum += (batch.weights[Math.floor(i / 64)] * (value - batch.target[i]) ** 2) / 64;
    });
    return sum / 3;
  }

  it.each([
    'down_blocks.0.resnets.0.conv1.weight',
    'up_blocks.0.resnets.1.conv2.weight',
    'mid_block.resnets.0.norm2.weight',
    'mid_block.resnets.1.time_emb_proj.weight',
    'up_blocks.0.resnets.0.conv1.bias',
  ])('of %s predicts how the loss changes, in the host layout', (name) => {
    const runtime = toRuntime(weights);
    const gradients = lossGradients(spec, runtime, batch, [name]);
    tf.dispose([...runtime.values()]);
    expect([...gradients.keys()]).toEqual([name]);
    const { shape, data } = gradients.get(name)!;
    expect(shape).toEqual(weights.get(name)!.shape);

    // Central difference along the gradient: the slope there is the squared norm of the gradient.
    const squaredNorm = data.reduce((sum, g) => sum + g * g, 0);
    const step = 0.02 / Math.sqrt(squaredNorm);
    const shifted = (sign: number): Weights => {
      const moved = weights.get(name)!.data.map((w, i) => w + sign * step * data[i]);
      return new Map(weights).set(name, { shape, data: moved });
    };
    const slope = (loss(shifted(1)) - loss(shifted(-1))) / (2 * step);
    expect(slope / squaredNorm).toBeCloseTo(1, 2);
  });

  it('leaves no tensor behind', () => {
    const runtime = toRuntime(weights);
    const before = tf.memory().numTensors;
    lossGradients(spec, runtime, batch, ['mid_block.resnets.0.conv1.weight']);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([...runtime.values()]);
  });
});

const title = nativeMissing === null ? 'openGradients' : `openGradients (skipped: ${nativeMissing})`;

describe.skipIf(nativeMissing !== null)(title, () => {
  beforeAll(async () => {
    await openEngine('native');
  });

  it.each([
    ['fixed variance', buildUNetSpec(model, image)],
    ['learned variance', buildUNetSpec(model, image, { variance: 'learned-range' })],
  ])('agrees with gradients one by one, for batches of any size: %s', (kind, spec) => {
    const runtime = toRuntime(initialiseWeights(spec, 5));
    const graphs = nativeBackend()!.getNumOfSavedModels();
    const tensors = tf.memory().numTensors;
    const names = [...runtime.keys()].filter((name) => name.includes('res') || name.includes('attention'));
    const recorded = openGradients(spec, runtime, names, (message) => {
      throw new Error(message);
    });
    for (const [seed, size] of [3, 2, 3].entries()) {
      const drawn = trainingBatch(seed, size, kind === 'learned variance');
      // The threads share three images as one and two.
      setImageParts(2);
      const { loss, gradients } = recorded.compute(drawn);
      setImageParts(1);
      const expected = lossGradients(spec, runtime, drawn, names);
      expect([...gradients.keys()]).toEqual(names);
      expect(loss).toBeGreaterThan(0);
      expect(relativeDistance(gradients, expected)).toBeLessThan(1e-5);
    }
    recorded.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(nativeBackend()!.getNumOfSavedModels()).toBe(graphs);
    tf.dispose([...runtime.values()]);
  });
});
