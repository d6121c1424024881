import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import type { UNetSpec } from '../../src/model/spec.js';
import { nativeBackend } from '../../src/tensor/graph/nativeBackend.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { setImageParts } from '../../src/tensor/parallelism.js';
import { createCompiledTrainStep } from '../../src/training/compiledTrainStep.js';
import { createTrainStep } from '../../src/training/createTrainStep.js';
import { createEagerTrainStep } from '../../src/training/eagerTrainStep.js';
import { freshOptimizerState } from '../../src/training/optimizerState.js';
import type { OptimizerState } from '../../src/training/trainStep.js';
import { nativeMissing } from '../tensor/engines.js';
import { batch, image, model, relativeDistance, settings } from './tinySteps.js';

function counts() {
  const backend = nativeBackend()!;
  return {
    tensors: tf.memory().numTensors,
    buffers: tf.memory().numDataBuffers,
    native: backend.binding.getNumOfTensors(),
    graphs: backend.getNumOfSavedModels(),
  };
}

const title = nativeMissing === null ? 'compiled training step' : `compiled training step (skipped: ${nativeMissing})`;

describe.skipIf(nativeMissing !== null)(title, () => {
  beforeAll(async () => {
    await openEngine('native');
  });
  afterEach(() => setImageParts(1));

  const learned = buildUNetSpec(model, image, { variance: 'learned-range' });
  const kinds: [string, UNetSpec, number[]][] = [
    ['learned variance', learned, [3]],
    ['with attention, one micro-batch', buildUNetSpec(model, image), [3]],
    ['two micro-batches of two sizes and dropout', buildUNetSpec({ ...model, dropout: 0.2 }, image), [3, 2]],
    ['scale and shift from the time', buildUNetSpec({ ...model, scaleShiftNorm: true }, image), [2, 2]],
  ];
  const inParts = kinds.flatMap(([title, spec, sizes]) =>
    [1, 2].map((parts) => [`${title}, ${parts} part(s)`, spec, sizes, parts] as const),
  );
  it.each(inParts)('agrees with the eager one over six updates: %s', (_, spec, sizes, parts) => {
    setImageParts(parts);
    const initial = freshOptimizerState(initialiseWeights(spec, 5));
    const compiled = createCompiledTrainStep(
      nativeBackend()!,
      spec,
      initial,
      [...new Set(sizes)].map((size) => batch(0, size, spec === learned)),
    );
    const eager = createEagerTrainStep(spec, initial);
    try {
      for (let update = 1; update <= 6; update++) {
        const batches = sizes.map((size, index) => batch(10 * update + index, size, spec === learned));
        const actual = compiled.update(batches, settings(update));
        const expected = eager.update(batches, settings(update));
        expect(Math.abs(actual.loss / expected.loss - 1)).toBeLessThan(1e-5);
        expect(Math.abs(actual.gradientNorm / expected.gradientNorm - 1)).toBeLessThan(1e-5);
        expected.perImageLoss.forEach((loss, i) => {
          expect(Math.abs(actual.perImageLoss[i] / loss - 1)).toBeLessThan(1e-5);
        });
      }
      const actual = compiled.snapshot();
      const expected = eager.snapshot();
      // Adam turns gradients that are zero in theory, and rounding in practice, into steps of the learning rate's size.
      const allowed: Record<keyof OptimizerState, number> = {
        weights: 1e-5,
        ema: 1e-5,
        firstMoment: 1e-4,
        secondMoment: 1e-4,
      };
      for (const part of Object.keys(allowed) as (keyof OptimizerState)[]) {
        expect([...actual[part].keys()]).toEqual([...expected[part].keys()]);
        expect(relativeDistance(actual[part], expected[part]), part).toBeLessThan(allowed[part]);
      }
    } finally {
      compiled.dispose();
      eager.dispose();
    }
  });

  it('leaves the state that it began with alone', () => {
    const spec = buildUNetSpec(model, image);
    const initial = freshOptimizerState(initialiseWeights(spec, 5));
    const before = structuredClone(initial);
    const step = createTrainStep(spec, initial);
    step.update([batch(1, 2)], settings(1));
    step.update([batch(2, 2)], settings(2));
    step.dispose();
    expect(initial).toEqual(before);
  });

  it('goes on when micro-batches of another size come', () => {
    const spec = buildUNetSpec(model, image);
    const initial = freshOptimizerState(initialiseWeights(spec, 5));
    const run = (sizes: number[]) => {
      const step = createTrainStep(spec, initial);
      const losses = sizes.map((size, index) => step.update([batch(index + 1, size)], settings(index + 1)).loss);
      step.dispose();
      return losses;
    };
    const whole = createEagerTrainStep(spec, initial);
    const expected = [2, 3, 2].map((size, index) => whole.update([batch(index + 1, size)], settings(index + 1)).loss);
    whole.dispose();
    run([2, 3, 2]).forEach((loss, index) => expect(Math.abs(loss / expected[index] - 1)).toBeLessThan(1e-5));
  });

  it('falls back to the eager step, with a reason, when the graph cannot be loaded', () => {
    const spec = buildUNetSpec(model, image);
    const initial = freshOptimizerState(initialiseWeights(spec, 5));
    const backend = nativeBackend()!;
    const load = backend.loadSavedModelMetaGraph.bind(backend);
    const warnings: string[] = [];
    const eager = createEagerTrainStep(spec, initial);
    const step = createTrainStep(spec, initial, { warn: (message) => warnings.push(message) });
    try {
      backend.loadSavedModelMetaGraph = () => {
        throw new Error('no room');
      };
      for (const update of [1, 2]) {
        const actual = step.update([batch(update, 2)], settings(update));
        expect(actual).toEqual(eager.update([batch(update, 2)], settings(update)));
      }
    } finally {
      backend.loadSavedModelMetaGraph = load;
      step.dispose();
      eager.dispose();
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('no room');
  });

  it('leaves nothing behind after six lives', () => {
    const spec = buildUNetSpec({ ...model, attention: [], multipliers: [1] }, image);
    const initial = freshOptimizerState(initialiseWeights(spec, 5));
    const live = () => {
      const step = createTrainStep(spec, initial);
      step.update([batch(1, 1)], settings(1));
      step.snapshot();
      step.dispose();
    };
    live();
    const before = counts();
    const { TMPDIR } = process.env;
    const folder = mkdtempSync(join(tmpdir(), 'stepadapt-test-'));
    process.env['TMPDIR'] = folder;
    try {
      for (let life = 0; life < 6; life++) live();
      expect(counts()).toEqual(before);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
      rmdirSync(folder);
    }
  });
});
