import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import { toRuntime } from '../../src/model/runtimeWeights.js';
import { unetForward } from '../../src/model/unet.js';
import { createNetworkDenoiser } from '../../src/sampling/networkDenoiser.js';
import { nativeBackend } from '../../src/tensor/graph/nativeBackend.js';
import { setImageParts } from '../../src/tensor/parallelism.js';
import { randomNormal } from '../../src/tensor/random.js';
import { randomWeights, smallSpec } from '../model/networks.js';
import { describeOnEveryEngine } from '../tensor/engines.js';

describeOnEveryEngine('createNetworkDenoiser', () => {
  const spec = smallSpec();
  const weights = randomWeights(spec);
  const x = randomNormal({ seed: 1, stream: 'x', index: 0 }, 2 * 8 * 8 * 3);
  const schedule = noiseSchedule({ schedule: 'linear', timesteps: 1000 });
  const epsilon = { schedule, prediction: 'epsilon' } as const;

  function output(of = spec, its = weights, timestep = 700): Float32Array {
    return tf.tidy(() => {
      const images = tf.tensor4d(x, [2, 8, 8, 3]);
      const network = toRuntime(its);
      return Float32Array.from(unetForward(of, network, images, tf.fill([2], timestep), null).dataSync());
    });
  }

  /** The native engine runs the network as a graph, which rounds in other places than the operations one by one. */
  function expectClose(actual: Float32Array, expected: Float32Array): void {
    expect(actual).toHaveLength(expected.length);
    const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]) / (1 + Math.abs(expected[i]))));
    expect(worst).toBeLessThan(1e-5);
  }

  it('runs the network with one timestep for all images', () => {
    const denoiser = createNetworkDenoiser(spec, weights, epsilon);
    const prediction = denoiser.predict(x, 2, 700);
    expect(Object.keys(prediction)).toEqual(['noise']);
    expectClose(prediction.noise, output());
    expectClose(denoiser.predict(x, 2, 0).noise, output(spec, weights, 0));
    expect(denoiser.predict(x, 2, 0)).not.toEqual(prediction);
    denoiser.dispose();
  });

  it('gives every image the same prediction where the threads share the images', () => {
    const three = Float32Array.from([...x, ...x.subarray(0, x.length / 2)]);
    const denoiser = createNetworkDenoiser(spec, weights, epsilon);
    setImageParts(2);
    const { noise } = denoiser.predict(three, 3, 700);
    setImageParts(1);
    expectClose(noise, Float32Array.from([...output(), ...output().subarray(0, x.length / 2)]));
    denoiser.dispose();
  });

  it('computes in bfloat16 where the engine can, and says where it cannot', () => {
    const open = () => createNetworkDenoiser(spec, weights, { ...epsilon, precision: 'bfloat16' });
    if (nativeBackend() === null) {
      expect(open).toThrow(expect.objectContaining({ code: 'PRECISION_UNAVAILABLE' }));
      return;
    }
    const denoiser = open();
    const [{ noise }, expected] = [denoiser.predict(x, 2, 700), output()];
    const distance = (of: (value: number, i: number) => number) => Math.hypot(...noise.map(of));
    const relative = distance((value, i) => value - expected[i]) / distance((_, i) => expected[i]);
    expect(relative).toBeLessThan(0.03);
    expect(relative).toBeGreaterThan(1e-4);
    denoiser.dispose();
  });

  // Two equations, x_t = a x_0 + b noise and v = a noise - b x_0 (or the image itself), solved for the noise.
  it.each([
    ['x0', (value: number, prediction: number, a: number, b: number) => (value - a * prediction) / b],
    ['v', (value: number, prediction: number, a: number, b: number) => a * prediction + b * value],
  ] as const)('turns a prediction of %s into noise', (prediction, noiseOf) => {
    const denoiser = createNetworkDenoiser(spec, weights, { schedule, prediction });
    const [a, b] = [Math.sqrt(schedule.alphaBar[300]), Math.sqrt(1 - schedule.alphaBar[300])];
    const raw = output(spec, weights, 300);
    const { noise, image } = denoiser.predict(x, 2, 300);
    noise.forEach((value, i) => expect(value).toBeCloseTo(noiseOf(x[i], raw[i], a, b), 5));
    expect(image).toBeUndefined();
    denoiser.dispose();
  });

  it('says what the image is where nothing of it is left', () => {
    const silent = noiseSchedule({ schedule: 'linear', timesteps: 1000, zeroTerminalSnr: true });
    const denoiser = createNetworkDenoiser(spec, weights, { schedule: silent, prediction: 'v' });
    const { noise, image } = denoiser.predict(x, 2, 999);
    expect(noise).toEqual(x);
    expectClose(
      image!,
      output(spec, weights, 999).map((v) => -v),
    );
    denoiser.dispose();
  });

  it('separates the variance from the noise', () => {
    const learned = { ...spec, outChannels: 6 };
    const its = randomWeights(learned);
    const raw = output(learned, its);
    const denoiser = createNetworkDenoiser(learned, its, epsilon);
    const { noise, varianceFraction } = denoiser.predict(x, 2, 700);
    const part = (first: number) => x.map((_, i) => raw[6 * Math.floor(i / 3) + first + (i % 3)]);
    expectClose(noise, part(0));
    part(3).forEach((value, i) => expect(varianceFraction![i]).toBeCloseTo((value + 1) / 2, 5));
    denoiser.dispose();
  });

  it('gives copies of a network the same predictions, bit for bit, whatever ran in between', () => {
    const other = { ...spec, outChannels: 6 };
    const denoisers = [
      createNetworkDenoiser(spec, weights, epsilon),
      createNetworkDenoiser(other, randomWeights(other), epsilon),
      createNetworkDenoiser(spec, new Map(weights), epsilon),
    ];
    const [first, , second] = denoisers.map((denoiser) => denoiser.predict(x, 2, 400).noise);
    expect(second).toEqual(first);
    expect(denoisers[0].predict(x, 2, 400).noise).toEqual(first);
    denoisers.forEach((denoiser) => denoiser.dispose());
  });

  it('predicts an image alone as in a batch', () => {
    const denoiser = createNetworkDenoiser(spec, weights, epsilon);
    const half = x.length / 2;
    const { noise } = denoiser.predict(x, 2, 400);
    expectClose(denoiser.predict(x.slice(0, half), 1, 400).noise, noise.slice(0, half));
    expectClose(denoiser.predict(x.slice(half), 1, 400).noise, noise.slice(half));
    denoiser.dispose();
  });

  it('frees graphs that have gone unused', () => {
    const graphs = () => nativeBackend()?.getNumOfSavedModels() ?? 0;
    const denoiser = createNetworkDenoiser(spec, weights, epsilon);
    const counts = Array.from({ length: 20 }, (_, i) => {
      denoiser.predict(new Float32Array((i + 1) * 192), i + 1, 1);
      return graphs();
    });
    expect(counts[19]).toBe(counts[16]);
    denoiser.dispose();
  });

  it('holds its weights and nothing else, until it is disposed', () => {
    const before = tf.memory().numTensors;
    const denoiser = createNetworkDenoiser(spec, weights, epsilon);
    expect(tf.memory().numTensors).toBe(before + weights.size);
    denoiser.predict(x, 2, 5);
    expect(tf.memory().numTensors).toBe(before + weights.size);
    denoiser.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
