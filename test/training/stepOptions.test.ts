import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import type { UNetSpec } from '../../src/model/spec.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { setImageParts } from '../../src/tensor/parallelism.js';
import { createEagerTrainStep } from '../../src/training/eagerTrainStep.js';
import { createTrainStep } from '../../src/training/createTrainStep.js';
import { freshOptimizerState } from '../../src/training/optimizerState.js';
import type { OptimizerState, StepOptions, StepResult, TrainStep } from '../../src/training/trainStep.js';
import { randomWeights } from '../model/networks.js';
import { describeOnEveryEngine, nativeMissing } from '../tensor/engines.js';
import { batch, image, model, relativeDistance, settings } from './tinySteps.js';

const plain = buildUNetSpec(model, image);
const withDropout = buildUNetSpec({ ...model, dropout: 0.2, scaleShiftNorm: true }, image);

type Create = (spec: UNetSpec, state: OptimizerState, options: StepOptions) => TrainStep;
const compiled: Create = (spec, state, options) =>
  createTrainStep(spec, state, {
    ...options,
    warn(message) {
      throw new Error(message);
    },
  });

/** One update from random weights, whose first moments are then a tenth of the clipped gradients. */
function oneUpdate(
  create: Create,
  spec: UNetSpec,
  options: StepOptions,
  images = 3,
): StepResult & { gradients: OptimizerState['weights'] } {
  const step = create(spec, freshOptimizerState(randomWeights(spec)), options);
  try {
    const result = step.update([batch(1, images)], { ...settings(1), clip: 1e9 });
    return { ...result, gradients: step.snapshot().firstMoment };
  } finally {
    step.dispose();
  }
}

function expectClose(
  actual: ReturnType<typeof oneUpdate>,
  expected: ReturnType<typeof oneUpdate>,
  allowed: number,
): void {
  expect(Math.abs(actual.loss / expected.loss - 1)).toBeLessThan(allowed);
  expect(Math.abs(actual.gradientNorm / expected.gradientNorm - 1)).toBeLessThan(allowed);
  expected.perImageLoss.forEach((loss, i) => {
    expect(Math.abs(actual.perImageLoss[i] / loss - 1)).toBeLessThan(allowed);
  });
  expect(relativeDistance(actual.gradients, expected.gradients)).toBeLessThan(allowed);
}

describeOnEveryEngine('gradient checkpointing', () => {
  it.each([
    ['plain', plain],
    ['with dropout', withDropout],
  ])('gives the same loss and gradients in less memory: %s', async (_, spec) => {
    let kept: ReturnType<typeof oneUpdate> | null = null;
    let again: ReturnType<typeof oneUpdate> | null = null;
    const peak = async (run: () => void) => (await tf.profile(() => void run())).peakBytes;
    // So many that the images' activations outweigh the weights and moments.
    const update = (gradientCheckpointing: boolean) =>
      oneUpdate(createEagerTrainStep, spec, { gradientCheckpointing }, 24);
    const before = await peak(() => (kept = update(false)));
    const after = await peak(() => (again = update(true)));
    expectClose(again!, kept!, 1e-6);
    expect(after).toBeLessThan(0.9 * before);
  });
});

// Recording takes seconds where other work keeps the processors busy.
describe.skipIf(nativeMissing !== null)('options of the compiled step', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    await openEngine('native');
  });
  afterEach(() => setImageParts(1));

  it.each([1, 2])('checkpointing gives the same loss and gradients, in %i part(s)', (parts) => {
    setImageParts(parts);
    const expected = oneUpdate(createEagerTrainStep, plain, {});
    expectClose(oneUpdate(compiled, plain, { gradientCheckpointing: true }), expected, 1e-5);
  });

  it('bfloat16 gives nearly the loss and the gradients of float32', () => {
    const options = { precision: 'bfloat16' } as const;
    const expected = oneUpdate(createEagerTrainStep, plain, {});
    const actual = oneUpdate(compiled, plain, options);
    // Each rounding is off by up to 2^-9 = 0.002; some tens of them in a row add up.
    expectClose(actual, expected, 0.03);
    expect(relativeDistance(actual.gradients, expected.gradients)).toBeGreaterThan(1e-4);
    expectClose(actual, oneUpdate(createEagerTrainStep, plain, options), 0.01);
  });

  it.each([1, 2])('both resume from a snapshot in the same bytes, in %i part(s)', (parts) => {
    setImageParts(parts);
    const options = { precision: 'bfloat16', gradientCheckpointing: true } as const;
    const run = (state: OptimizerState, from: number, to: number): OptimizerState => {
      const step = compiled(withDropout, state, options);
      for (let update = from; update <= to; update++) step.update([batch(update, 2)], settings(update));
      const after = step.snapshot();
      step.dispose();
      return after;
    };
    const start = freshOptimizerState(initialiseWeights(withDropout, 5));
    expect(run(run(start, 1, 2), 3, 4)).toEqual(run(start, 1, 4));
  });
});

describe('bfloat16 where it cannot be computed', () => {
  it('is refused, not replaced', async () => {
    await openEngine('wasm');
    const start = freshOptimizerState(initialiseWeights(plain, 5));
    expect(() => createTrainStep(plain, start, { precision: 'bfloat16' })).toThrow(
      expect.objectContaining({ code: 'PRECISION_UNAVAILABLE' }),
    );
  });
});
