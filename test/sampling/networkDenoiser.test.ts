import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { toRuntime } from '../../src/model/runtimeWeights.js';
import { unetForward } from '../../src/model/unet.js';
import { createNetworkDenoiser } from '../../src/sampling/networkDenoiser.js';
import { randomNormal } from '../../src/tensor/random.js';
import { randomWeights, smallSpec } from '../model/networks.js';
import { describeOnEveryEngine } from '../tensor/engines.js';

describeOnEveryEngine('createNetworkDenoiser', () => {
  const spec = smallSpec();
  const weights = randomWeights(spec);
  const x = randomNormal({ seed: 1, stream: 'x', index: 0 }, 2 * 8 * 8 * 3);

  it('runs the network with one timestep for all images', () => {
    const denoiser = createNetworkDenoiser(spec, weights);
    const expected = tf.tidy(() =>
      unetForward(spec, toRuntime(weights), tf.tensor4d(x, [2, 8, 8, 3]), tf.tensor1d([700, 700]), null).dataSync(),
    );
    expect(denoiser.predictNoise(x, 2, 700)).toEqual(expected);
    expect(denoiser.predictNoise(x, 2, 0)).not.toEqual(expected);
    denoiser.dispose();
  });

  it('holds its weights and nothing else, until it is disposed', () => {
    const before = tf.memory().numTensors;
    const denoiser = createNetworkDenoiser(spec, weights);
    expect(tf.memory().numTensors).toBe(before + weights.size);
    denoiser.predictNoise(x, 2, 5);
    expect(tf.memory().numTensors).toBe(before + weights.size);
    denoiser.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
