import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import { trainingObjective } from '../../src/diffusion/objective.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { toRuntime } from '../../src/model/runtimeWeights.js';
import { unetForward } from '../../src/model/unet.js';
import type { Weights } from '../../src/model/weights.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomNormal } from '../../src/tensor/random.js';
import { divide, noisedBatch } from '../../src/training/batches.js';
import { createTrainStep } from '../../src/training/createTrainStep.js';
import { createEagerTrainStep } from '../../src/training/eagerTrainStep.js';
import { lossGradients } from '../../src/training/gradients.js';
import { heldOutLoss } from '../../src/training/heldOutLoss.js';
import { batchTensors, imageLosses } from '../../src/training/loss.js';
import { freshOptimizerState } from '../../src/training/optimizerState.js';
import type { UpdateSettings } from '../../src/training/trainStep.js';
import { randomWeights } from '../model/networks.js';
import { availableEngines } from './availableEngines.js';

const config = configSchema.parse({
  diffusion: { schedule: 'cosine', timesteps: 200, prediction: 'v', variance: 'learned-range' },
  model: { channels: 8, multipliers: [1, 2], blocks: 1, attention: [4], attentionHeads: 2, scaleShiftNorm: true },
  base: { lossWeight: 'min-snr' },
});
const [COUNT, SIZE] = [4, 8];
const spec = buildUNetSpec({ ...config.model, normGroups: 4 }, { size: SIZE, channels: 1 }, config.diffusion);
const weights = randomWeights(spec);
const numbers = (stream: string) => randomNormal({ seed: 1, stream, index: 0 }, COUNT * SIZE * SIZE);
const batch = noisedBatch(
  trainingObjective(config),
  numbers('images').map((value) => Math.tanh(value)),
  numbers('noise'),
  Int32Array.of(0, 40, 120, 199),
);
const settings: UpdateSettings = {
  update: 1,
  learningRate: 1e-3,
  emaDecay: 0.5,
  clip: 1e9,
  dropoutKey: { seed: 1, stream: 'test' },
};

/** Mean of `imageLosses(...).total`, and the squared errors. */
function losses(of: Weights, its = batch): { total: number; squaredError: number[] } {
  return tf.tidy(() => {
    const tensors = batchTensors(spec, its);
    const found = imageLosses(unetForward(spec, toRuntime(of), tensors.xt, tensors.timesteps, null), tensors);
    const total = found.total.arraySync().reduce((sum, value) => sum + value, 0) / COUNT;
    return { total, squaredError: found.squaredError.arraySync() };
  });
}

function gradientsOf(name: string, its = batch): Float32Array {
  const runtime = toRuntime(weights);
  const gradients = lossGradients(spec, runtime, its, [name]);
  tf.dispose([...runtime.values()]);
  return gradients.get(name)!.data;
}

for (const engine of await availableEngines()) {
  describe(`training a network that learns the variance, on ${engine}`, () => {
    beforeAll(async () => {
      await openEngine(engine);
    });

    it('reports the hybrid loss, and the squared error of each image', () => {
      const step = createEagerTrainStep(spec, freshOptimizerState(weights));
      const { loss, perImageLoss } = step.update([batch], settings);
      step.dispose();
      const expected = losses(weights);
      expect(loss).toBeCloseTo(expected.total, 4);
      expected.squaredError.forEach((value, i) => expect(perImageLoss[i] / value).toBeCloseTo(1, 4));
      // The bound is there, so that the rest of this file means something.
      const weighted = expected.squaredError.reduce((sum, value, i) => sum + value * batch.weights[i], 0) / COUNT;
      expect(expected.total - weighted).toBeGreaterThan(1e-3);
    });

    it('takes the same step from micro-batches, and from the fastest implementation', () => {
      const after = (create: typeof createEagerTrainStep, microBatch: number) => {
        const step = create(spec, freshOptimizerState(weights));
        const { loss, gradientNorm } = step.update(divide(batch, microBatch), settings);
        step.dispose();
        return { loss, gradientNorm };
      };
      const whole = after(createEagerTrainStep, COUNT);
      for (const other of [after(createEagerTrainStep, 3), after(createTrainStep, COUNT)]) {
        expect(other.loss / whole.loss).toBeCloseTo(1, 4);
        expect(other.gradientNorm / whole.gradientNorm).toBeCloseTo(1, 3);
      }
    });

    it('trains the variance by the bound, and the prediction by the squared error alone', () => {
      const name = 'conv_out.bias';
      const [ofPrediction, ofVariance] = gradientsOf(name);
      const { shape, data } = weights.get(name)!;
      const moved = (index: number, by: number): Weights =>
        new Map(weights).set(name, { shape, data: data.with(index, data[index] + by) });
      const step = 1e-2;
      const slope = (losses(moved(1, step)).total - losses(moved(1, -step)).total) / (2 * step);
      expect(ofVariance / slope).toBeCloseTo(1, 2);
      const withoutBound = gradientsOf(name, { ...batch, bound: undefined });
      expect(ofPrediction).toBeCloseTo(withoutBound[0], 5);
      expect([withoutBound[1], ofVariance === 0]).toEqual([0, false]);
    });

    it('is compared on held-out images by the squared error alone', async () => {
      const { perImage } = await heldOutLoss(spec, weights, [batch]);
      losses(weights).squaredError.forEach((value, i) => expect(perImage[i] / value).toBeCloseTo(1, 4));
    });
  });
}
