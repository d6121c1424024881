import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import { BOUND_TERMS, boundTerms } from '../../src/diffusion/posterior.js';
import { imageLosses, type BatchTensors } from '../../src/training/loss.js';
import { describeOnEveryEngine } from '../tensor/engines.js';

/** Recorded from PyTorch's distributions and autograd by `python test/golden/make_hybrid_loss.py`. */
const golden = JSON.parse(readFileSync(new URL('../golden/hybrid-loss.json', import.meta.url), 'utf8')) as {
  timesteps: number[];
  position: number[];
  cases: Record<
    'epsilon' | 'x0' | 'v',
    Record<
      | 'xt'
      | 'target'
      | 'prediction'
      | 'squaredError'
      | 'boundBits'
      | 'total'
      | 'gradientOfPrediction'
      | 'gradientOfPosition',
      number[]
    >
  >;
};
const schedule = noiseSchedule({ schedule: 'linear', timesteps: 1000 });
const COUNT = golden.timesteps.length;
const [SIDE, CHANNELS] = [2, 3];
const kinds = ['epsilon', 'x0', 'v'] as const;

/** Prediction channels, then position channels, pixel by pixel. */
function outputOf(prediction: readonly number[], position: readonly number[]): number[] {
  const pixels = prediction.length / CHANNELS;
  return Array.from({ length: pixels }, (_, pixel) => {
    const of = (values: readonly number[]) => values.slice(pixel * CHANNELS, (pixel + 1) * CHANNELS);
    return [...of(prediction), ...of(position)];
  }).flat();
}

function tensorsOf(kind: (typeof kinds)[number]): BatchTensors {
  const { xt, target } = golden.cases[kind];
  const shape: [number, number, number, number] = [COUNT, SIDE, SIDE, CHANNELS];
  const terms = golden.timesteps.flatMap((t) => boundTerms(schedule, kind, t));
  return {
    xt: tf.tensor4d(xt, shape),
    target: tf.tensor4d(target, shape),
    timesteps: tf.tensor1d(golden.timesteps, 'int32'),
    weights: tf.ones([COUNT]),
    bound: tf.tensor2d(terms, [COUNT, BOUND_TERMS]),
  };
}

const asOutput = (values: number[]) => tf.tensor4d(values, [COUNT, SIDE, SIDE, 2 * CHANNELS]);

/**
 * The loss of improved DDPM from its definition, in double precision: `meanOf` is the prediction behind the mean of the step,
 * which the bound does not train.
 */
function hybridLoss(kind: 'epsilon' | 'x0' | 'v', prediction: number[], meanOf: number[], position: number[]): number {
  const { xt, target } = golden.cases[kind];
  const normal = (x: number) => 0.5 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  const perImage = prediction.length / COUNT;
  let loss = 0;
  prediction.forEach((value, i) => {
    const t = golden.timesteps[Math.floor(i / perImage)];
    const kept = schedule.alphaBar[t];
    const before = t === 0 ? 1 : schedule.alphaBar[t - 1];
    const beta = schedule.betas[t];
    const [signal, rest] = [Math.sqrt(kept), Math.sqrt(1 - kept)];
    const image = (p: number) => ({ epsilon: (xt[i] - rest * p) / signal, x0: p, v: signal * xt[i] - rest * p })[kind];
    const mean = (x0: number) =>
      (Math.sqrt(before) * beta * x0 + Math.sqrt(1 - beta) * (1 - before) * xt[i]) / (1 - kept);
    const variance = (s: number) => (schedule.betas[s] * (1 - schedule.alphaBar[s - 1])) / (1 - schedule.alphaBar[s]);
    const lower = Math.log(variance(Math.max(t, 1)));
    const share = (position[i] + 1) / 2;
    const log = share * Math.log(beta) + (1 - share) * lower;
    const x0 = image(target[i]);
    let nats: number;
    if (t === 0) {
      const at = (pixel: number) => normal((pixel - mean(image(meanOf[i]))) * Math.exp(-log / 2));
      const upper = x0 > 0.999 ? 1 : at(x0 + 1 / 255);
      const below = x0 < -0.999 ? 0 : at(x0 - 1 / 255);
      nats = -Math.log(Math.max(upper - below, 1e-12));
    } else {
      const distance = mean(x0) - mean(image(meanOf[i]));
      nats = 0.5 * (log - lower - 1 + Math.exp(lower - log) + distance ** 2 * Math.exp(-log));
    }
    loss += ((value - target[i]) ** 2 + 0.001 * 1000 * (nats / Math.LN2)) / perImage;
  });
  return loss;
}

describeOnEveryEngine('the hybrid loss', () => {
  it.each(kinds)('is that of exact distributions, for %s', (kind) => {
    const { prediction, squaredError, total } = golden.cases[kind];
    const losses = tf.tidy(() => {
      const found = imageLosses(asOutput(outputOf(prediction, golden.position)), tensorsOf(kind));
      return { squaredError: found.squaredError.arraySync(), total: found.total.arraySync() };
    });
    squaredError.forEach((value, i) => expect(losses.squaredError[i]).toBeCloseTo(value, 5));
    // At t = 0 the distribution function is approximated, within 2e-4 of the truth.
    total.forEach((value, i) =>
      expect(Math.abs(losses.total[i] - value)).toBeLessThan((i === 0 ? 2e-3 : 1e-4) * value + 1e-8),
    );
  });

  it.each(kinds)('has the gradient that autograd and central differences find, for %s', (kind) => {
    const { prediction, gradientOfPrediction, gradientOfPosition } = golden.cases[kind];
    const gradient = tf.tidy(() => {
      const tensors = tensorsOf(kind);
      const loss = (output: tf.Tensor) => tf.sum(imageLosses(output as tf.Tensor4D, tensors).total);
      return Array.from(
        tf
          .grad(loss)(asOutput(outputOf(prediction, golden.position)))
          .dataSync(),
      );
    });
    const step = 1e-5;
    const perImage = prediction.length / COUNT;
    prediction.forEach((_, i) => {
      const pixel = Math.floor(i / CHANNELS);
      const found = {
        prediction: gradient[2 * CHANNELS * pixel + (i % CHANNELS)],
        position: gradient[2 * CHANNELS * pixel + CHANNELS + (i % CHANNELS)],
      };
      const moved = (values: number[], by: number) => values.with(i, values[i] + by);
      const slope = (loss: (by: number) => number) => (loss(step) - loss(-step)) / (2 * step);
      const slopes = {
        prediction: slope((by) => hybridLoss(kind, moved(prediction, by), prediction, golden.position)),
        position: slope((by) => hybridLoss(kind, prediction, prediction, moved(golden.position, by))),
      };
      const scale = Math.abs(slopes.position) + 1e-3;
      expect(Math.abs(found.position - slopes.position), `position ${i}`).toBeLessThan(1e-3 * scale);
      expect(found.prediction, `prediction ${i}`).toBeCloseTo(slopes.prediction, 4);
      expect(found.prediction).toBeCloseTo(gradientOfPrediction[i], 5);
      const tolerance = i < perImage ? 0.02 : 1e-3;
      expect(Math.abs(found.position - gradientOfPosition[i])).toBeLessThan(
        tolerance * (Math.abs(gradientOfPosition[i]) + 1e-2),
      );
    });
  });

  it('is the squared error alone, times its weight, where no variance is learned', () => {
    const { prediction, squaredError } = golden.cases.epsilon;
    const total = tf.tidy(() => {
      const tensors: BatchTensors = { ...tensorsOf('epsilon'), bound: undefined };
      const output = tf.tensor4d(prediction, [COUNT, SIDE, SIDE, CHANNELS]);
      return imageLosses(output, { ...tensors, weights: tf.tensor1d([1, 2, 0, 0.5]) }).total.arraySync();
    });
    [1, 2, 0, 0.5].forEach((weight, i) => expect(total[i]).toBeCloseTo(weight * squaredError[i], 5));
  });

  it('has a bound of zero where the step is the posterior itself, and of its width where the image is certain', () => {
    // A perfect prediction at the lower end of the variance: nothing diverges. At the upper end, by hand:
    // 0.5 (r - 1 - ln r) nats with r = posterior variance / beta.
    const { target } = golden.cases.epsilon;
    const bits = (position: number) =>
      tf.tidy(() => {
        const output = asOutput(
          outputOf(
            target,
            target.map(() => position),
          ),
        );
        return imageLosses(output, tensorsOf('epsilon')).total.arraySync();
      });
    bits(-1)
      .slice(1)
      .forEach((value) => expect(Math.abs(value)).toBeLessThan(1e-6));
    const ratio = (1 - schedule.alphaBar[0]) / (1 - schedule.alphaBar[1]);
    expect(bits(1)[1]).toBeCloseTo((0.5 * (ratio - 1 - Math.log(ratio))) / Math.LN2, 5);
  });
});
