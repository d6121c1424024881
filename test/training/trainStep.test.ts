import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { modelSchema } from '../../src/contract/config.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import type { Weights } from '../../src/model/weights.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { freshOptimizerState } from '../../src/training/optimizerState.js';
import type { MicroBatch, OptimizerState, TrainStep, UpdateSettings } from '../../src/training/trainStep.js';
import { availableTrainSteps } from './availableEngines.js';

/** Recorded from PyTorch and diffusers by `python test/golden/make_training.py`. */
const golden = JSON.parse(readFileSync(new URL('../golden/training.json', import.meta.url), 'utf8')) as {
  shapes: Record<string, number[]>;
  updates: { loss: number; perImageLoss: number[]; gradientNorm: number }[];
  weightChangeNorms: Record<string, number>;
  emaChangeNorms: Record<string, number>;
  firstMomentNorms: Record<string, number>;
  secondMomentNorms: Record<string, number>;
  finalWeights: Record<string, number[]>;
};

const SIZE = 8;
const CHANNELS = 3;
const PIXELS = SIZE * SIZE * CHANNELS;
const BATCH = 4;

const modelConfig = modelSchema.parse({ channels: 8, multipliers: [1, 2], blocks: 1, attention: [4], normGroups: 4 });
const image = { size: SIZE, channels: CHANNELS };
const spec = buildUNetSpec(modelConfig, image);
/** For what needs no recorded values: fewer operations are compiled faster. */
const smallConfig = { ...modelConfig, multipliers: [1], attention: [8] };
const smallSpec = buildUNetSpec(smallConfig, image);
const dropoutSpec = buildUNetSpec({ ...smallConfig, attention: [], dropout: 0.3 }, image);

const product = (shape: readonly number[]) => shape.reduce((total, length) => total * length, 1);

function wave(count: number, frequency: number, phase: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(frequency * i + phase));
}

/** The same weights as the golden script's. */
function goldenWeights(): Weights {
  return new Map(
    Object.entries(golden.shapes).map(([name, shape], number) => {
      const values = wave(product(shape), 1.7 + 0.01 * number, number);
      const offset = name.includes('norm') && name.endsWith('weight') ? 1 : 0;
      const scale = 1 / Math.sqrt(product(shape.slice(1)));
      const data = values.map((value) => (shape.length === 1 ? 0.1 * value + offset : value * scale));
      return [name, { shape, data }];
    }),
  );
}

/** The same batch as the golden script's. */
function goldenBatch(update: number): MicroBatch {
  return {
    count: BATCH,
    xt: wave(BATCH * PIXELS, 0.37 * update, update),
    target: wave(BATCH * PIXELS, 2.3 + 0.1 * update, 5 * update).map((value) => 1.3 * value),
    timesteps: Int32Array.from({ length: BATCH }, (_, i) => (137 * update + 211 * i) % 1000),
    weights: new Float32Array(BATCH).fill(1),
  };
}

function part(batch: MicroBatch, from: number, to: number): MicroBatch {
  return {
    count: to - from,
    xt: batch.xt.slice(from * PIXELS, to * PIXELS),
    target: batch.target.slice(from * PIXELS, to * PIXELS),
    timesteps: batch.timesteps.slice(from, to),
    weights: batch.weights.slice(from, to),
  };
}

function settings(update: number, rest: Partial<UpdateSettings> = {}): UpdateSettings {
  return {
    update,
    learningRate: 0.01 * Math.min(1, update / 2),
    emaDecay: (1 + update) / (10 + update),
    clip: 1,
    dropoutKey: { seed: 11, stream: 'test' },
    ...rest,
  };
}

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

function globalNorm(weights: Weights): number {
  return Math.hypot(...[...weights.values()].map(({ data }) => norm(data)));
}

/** `floor` is the absolute error that rounding may leave where the true value is close to zero. */
function expectRelative(actual: number, expected: number, tolerance: number, what: string, floor = 0): void {
  const allowed = tolerance * Math.abs(expected) + floor;
  expect(Math.abs(actual - expected), `${what}: ${actual} for ${expected}`).toBeLessThan(allowed);
}

for (const { name, engine, create } of await availableTrainSteps()) {
  const withStep = <T>(state: OptimizerState, use: (step: TrainStep) => T, ofSpec = spec): T => {
    const step = create(ofSpec, state);
    try {
      return use(step);
    } finally {
      step.dispose();
    }
  };

  describe(`training step, ${name}`, () => {
    beforeAll(async () => {
      await openEngine(engine);
    });

    it('trains like PyTorch for three updates', () => {
      const start = goldenWeights();
      withStep(freshOptimizerState(start), (step) => {
        golden.updates.forEach((expected, index) => {
          const result = step.update([goldenBatch(index + 1)], settings(index + 1));
          expectRelative(result.loss, expected.loss, 1e-4, `loss ${index + 1}`);
          expectRelative(result.gradientNorm, expected.gradientNorm, 1e-3, `norm ${index + 1}`);
          expected.perImageLoss.forEach((loss, i) => expectRelative(result.perImageLoss[i], loss, 1e-4, 'image loss'));
        });
        const { weights, ema, firstMoment, secondMoment } = step.snapshot();
        for (const [name, { data }] of start) {
          // The gradient of key biases is zero in theory (softmax ignores them), so Adam turns rounding into steps there.
          if (name.endsWith('to_k.bias')) continue;
          const change = (of: Weights) => norm(of.get(name)!.data.map((value, i) => value - data[i]));
          expectRelative(change(weights), golden.weightChangeNorms[name], 5e-3, `weights ${name}`);
          expectRelative(change(ema), golden.emaChangeNorms[name], 5e-3, `EMA ${name}`);
          expectRelative(norm(firstMoment.get(name)!.data), golden.firstMomentNorms[name], 2e-3, `m ${name}`, 1e-7);
          expectRelative(norm(secondMoment.get(name)!.data), golden.secondMomentNorms[name], 4e-3, `v ${name}`, 1e-14);
        }
        for (const [name, expected] of Object.entries(golden.finalWeights)) {
          expected.forEach((value, i) => expect(weights.get(name)!.data[i]).toBeCloseTo(value, 4));
        }
      });
    });

    it.each([
      ['without dropout', smallSpec],
      ['with dropout', dropoutSpec],
    ])('accumulates micro-batches to the gradients of the whole batch, %s', (_, ofSpec) => {
      const batch = goldenBatch(1);
      const run = (batches: MicroBatch[]) =>
        withStep(
          freshOptimizerState(initialiseWeights(ofSpec, 1)),
          (step) => ({ ...step.update(batches, settings(1)), moment: step.snapshot().firstMoment }),
          ofSpec,
        );
      const whole = run([batch]);
      const parts = run([part(batch, 0, 1), part(batch, 1, 4)]);
      expectRelative(parts.loss, whole.loss, 1e-5, 'loss');
      expectRelative(parts.gradientNorm, whole.gradientNorm, 1e-5, 'norm');
      const difference = new Map(
        [...whole.moment].map(([name, { shape, data }]) => {
          const other = parts.moment.get(name)!.data;
          return [name, { shape, data: data.map((value, i) => value - other[i]) }];
        }),
      );
      expect(globalNorm(difference)).toBeLessThan(1e-5 * globalNorm(whole.moment));
    });

    it('clips the global norm, and reports it before clipping', () => {
      const run = (clip: number) =>
        withStep(freshOptimizerState(goldenWeights()), (step) => {
          const { gradientNorm } = step.update([goldenBatch(1)], settings(1, { clip }));
          // The first moment after one update is a tenth of the clipped gradients.
          return { gradientNorm, clipped: 10 * globalNorm(step.snapshot().firstMoment) };
        });
      const expected = golden.updates[0].gradientNorm;
      for (const [clip, clipped] of [
        [0.01, 0.01],
        [1, 1],
        [100, expected],
      ]) {
        const result = run(clip);
        expectRelative(result.gradientNorm, expected, 1e-3, 'norm');
        expectRelative(result.clipped, clipped, 1e-3, `clipped to ${clip}`);
      }
    });

    it('weights the loss of each image', () => {
      const batch = goldenBatch(1);
      const start = () => freshOptimizerState(initialiseWeights(smallSpec, 1));
      const run = (weights: number[]) =>
        withStep(
          start(),
          (step) => step.update([{ ...batch, weights: Float32Array.from(weights) }], settings(1)),
          smallSpec,
        );
      const plain = run([1, 1, 1, 1]);
      const doubled = run([2, 2, 2, 2]);
      expectRelative(doubled.loss, 2 * plain.loss, 1e-6, 'loss');
      expectRelative(doubled.gradientNorm, 2 * plain.gradientNorm, 1e-5, 'norm');
      expect(doubled.perImageLoss).toEqual(plain.perImageLoss);
      const one = run([0, 3, 0, 0]);
      expectRelative(one.loss, (3 * plain.perImageLoss[1]) / 4, 1e-6, 'loss of one image');
      const alone = withStep(start(), (step) => step.update([part(batch, 1, 2)], settings(1)), smallSpec);
      expectRelative(one.gradientNorm, (3 * alone.gradientNorm) / 4, 1e-4, 'norm of one image');
    });

    it('repeats dropout for the same key and update, and changes it with either', () => {
      const run = (update: number, stream: string) =>
        withStep(
          freshOptimizerState(initialiseWeights(dropoutSpec, 1)),
          (step) => step.update([goldenBatch(1)], settings(update, { dropoutKey: { seed: 1, stream } })).gradientNorm,
          dropoutSpec,
        );
      const first = run(1, 'a');
      expect(run(1, 'a')).toBe(first);
      expect(run(2, 'a')).not.toBe(first);
      expect(run(1, 'b')).not.toBe(first);
    });

    it('leaves the state as it was when the loss is not finite', () => {
      const bad = goldenBatch(1);
      bad.xt[5] = NaN;
      const state = freshOptimizerState(initialiseWeights(smallSpec, 1));
      withStep(
        state,
        (step) => {
          expect(step.update([bad], settings(1)).loss).toBeNaN();
          for (const [part, weights] of Object.entries(step.snapshot()) as [keyof OptimizerState, Weights][]) {
            for (const [name, { data }] of state[part]) {
              expect(Buffer.from(weights.get(name)!.data.buffer).equals(Buffer.from(data.buffer))).toBe(true);
            }
          }
        },
        smallSpec,
      );
    });

    it('keeps the number of tensors from update to update and frees them all', () => {
      const before = tf.memory().numTensors;
      const step = create(dropoutSpec, freshOptimizerState(initialiseWeights(dropoutSpec, 1)));
      const held = tf.memory().numTensors;
      const batch = goldenBatch(1);
      step.update([batch], settings(1));
      expect(tf.memory().numTensors).toBe(held);
      step.update([part(batch, 0, 2), part(batch, 2, 4)], settings(2));
      step.snapshot();
      expect(tf.memory().numTensors).toBe(held);
      step.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });
}
