import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelSchema } from '../../src/contract/config.js';
import { describeError } from '../../src/contract/errors.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import { proxyTune } from '../../src/pipeline/proxyTune.js';
import { trainNetwork } from '../../src/pipeline/trainNetwork.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { latestCheckpoint } from '../../src/training/checkpoint.js';
import { freshOptimizerState } from '../../src/training/optimizerState.js';
import { bucketLayout, firstNotFinite } from '../../src/training/parameterBuckets.js';
import { intervalOfTimesteps } from '../../src/training/timestepDraws.js';
import { stageContext, TINY } from '../pipeline/stageContext.js';
import { removeFolder } from '../removeFolder.js';
import { availableTrainSteps } from '../training/availableEngines.js';

/** So large that float32 overflows within a few updates. */
const HOPELESS_RATE = 1e30;

describe('the first tensor that is not finite', () => {
  const layout = bucketLayout(new Map(['a', 'b', 'c'].map((name) => [name, { shape: [2], size: 2 }] as const)));
  it.each([
    [[1, 2, 3, 4, 5, 6], null],
    [[1, 2, NaN, 4, NaN, 6], 'b'],
    [[1, 2, 3, 4, 5, -Infinity], 'c'],
  ])('of %j is %s', (values, name) => {
    expect(firstNotFinite(layout, [Float32Array.from(values)])).toBe(name);
  });
});

describe.each(await availableTrainSteps())(
  'a training step, $name, with values that are not finite',
  ({ engine, create }) => {
    const spec = buildUNetSpec(modelSchema.parse({ channels: 8, multipliers: [1], attention: [], normGroups: 4 }), {
      size: 8,
      channels: 1,
    });
    const pixels = new Float32Array(2 * 64).map((_, index) => Math.sin(index));

    it('names a tensor and leaves the state as it was', async () => {
      await openEngine(engine);
      const step = create(spec, freshOptimizerState(initialiseWeights(spec, 1)));
      try {
        const batch = (target: Float32Array) => ({
          count: 2,
          xt: pixels,
          target,
          timesteps: Int32Array.of(3, 30),
          weights: Float32Array.of(1, 1),
        });
        const settings = { learningRate: 1e-3, emaDecay: 0.9, clip: 1, dropoutKey: { seed: 0, stream: 'x' } };
        expect(step.update([batch(pixels)], { ...settings, update: 1 }).notFinite).toBeUndefined();
        const before = step.snapshot();
        const poisoned = step.update([batch(pixels.map((value, index) => (index === 7 ? NaN : value)))], {
          ...settings,
          update: 2,
        });
        expect(poisoned.loss).toBeNaN();
        // By name the first tensor of all that the loss depends on.
        expect(poisoned.notFinite).toBe([...before.weights.keys()].sort()[0]);
        expect(step.snapshot()).toEqual(before);
        expect(step.update([batch(pixels)], { ...settings, update: 2 }).notFinite).toBeUndefined();
      } finally {
        step.dispose();
      }
    });
  },
);

describe('a training that diverges', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'stepadapt-diverged-'));
  });
  afterEach(() => removeFolder(root));

  it('stops, keeps a good checkpoint, names step and tensor, and offers a lower rate', async () => {
    const context = await stageContext(root, 'base', TINY);
    const { spec } = context.design;
    const training = {
      spec,
      initial: initialiseWeights(spec, 3),
      steps: 40,
      learningRate: HOPELESS_RATE,
      rateField: 'base.learningRate' as const,
      warmup: 1,
      learningRateDecay: 'none' as const,
      common: { ...context.config.base, checkpointEvery: 1 },
      sampleEvery: 0,
      draw: intervalOfTimesteps(0, 40),
    };
    const diverging = trainNetwork(context, training);
    await expect(diverging).rejects.toMatchObject({
      kind: 'failure',
      code: 'NOT_FINITE',
      message: expect.stringMatching(/(at|after) step \d+ of base/) as unknown,
      hint: expect.stringContaining('--set base.learningRate=5e+29') as unknown,
    });
    // The window offers it as a button.
    expect(describeError(await diverging.catch((error: unknown) => error)).remedy).toEqual({
      field: 'base.learningRate',
      value: 5e29,
    });
    await expect(diverging).rejects.toThrow(
      new RegExp([...training.initial.keys()].map((name) => name.replaceAll('.', '\\.')).join('|')),
    );
    const { found, damaged } = await latestCheckpoint(context.folder);
    expect(damaged).toEqual([]);
    // The first update is finite: its rate has not met a large gradient yet.
    expect(found).not.toBeNull();
    for (const { data } of found!.checkpoint.state.weights.values()) expect(data.every(Number.isFinite)).toBe(true);
  });

  it('stops a search too', async () => {
    const context = await stageContext(root, 'experts/0', TINY);
    const { spec } = context.design;
    const config = { ...context.config, experts: { ...context.config.experts, learningRate: HOPELESS_RATE } };
    const tuning = proxyTune(
      { ...context, config },
      { spec, weights: initialiseWeights(spec, 3) },
      { steps: 20, draw: intervalOfTimesteps(0, 20) },
    );
    await expect(tuning).rejects.toMatchObject({
      code: 'NOT_FINITE',
      message: expect.stringContaining('of experts/0/proxy') as unknown,
      hint: expect.stringContaining('--set experts.learningRate=') as unknown,
    });
  });
});
