import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initialiseWeights } from '../../src/model/initialise.js';
import type { Weights } from '../../src/model/weights.js';
import { trainNetwork, type NetworkTraining } from '../../src/pipeline/trainNetwork.js';
import { bestEvaluation, isExhausted, withKnownWeights } from '../../src/pipeline/weightSelection.js';
import { intervalOfTimesteps } from '../../src/training/timestepDraws.js';
import { latestCheckpoint } from '../../src/training/checkpoint.js';
import { stageContext, TINY } from './stageContext.js';
import { removeFolder } from '../removeFolder.js';

describe('a selection', () => {
  const state = (...losses: (number | null)[]) => ({
    history: losses.map((loss, index) => ({ update: 10 * (index + 1), loss })),
  });

  it('keeps the first of the least losses', () => {
    expect(bestEvaluation(state(3, null, 1, 1, 2))).toEqual({ update: 30, loss: 1 });
    expect(bestEvaluation(state(null))).toBeNull();
  });

  it('is exhausted after `patience` evaluations without improvement', () => {
    expect(isExhausted(state(3, 1, 2), 2)).toBe(false);
    expect(isExhausted(state(3, 1, 2, 1), 2)).toBe(true);
    expect(isExhausted(state(3, 1, 2, 1, 2, 2), 0)).toBe(false);
    expect(isExhausted(state(null, null), 2)).toBe(true);
  });

  it('forgets evaluations whose best weights are gone', async () => {
    const has = async (update: number) => update === 20;
    expect(await withKnownWeights(state(3, 1), { has })).toEqual(state(3, 1));
    expect(await withKnownWeights(state(1, 3), { has })).toEqual(state(null, null));
  });
});

describe('trainNetwork with a selection', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'train-'));
  });
  afterEach(() => removeFolder(root));

  async function training(name: string, rest: Partial<NetworkTraining>, signal?: AbortSignal) {
    const context = await stageContext(join(root, name), 'base', TINY, signal);
    const { spec } = context.design;
    const options: NetworkTraining = {
      spec,
      initial: initialiseWeights(spec, 3),
      steps: 10,
      learningRate: 1e-2,
      rateField: 'base.learningRate',
      warmup: 1,
      common: { ...context.config.base, checkpointEvery: 2 },
      sampleEvery: 0,
      draw: intervalOfTimesteps(0, 40),
      ...rest,
    };
    return { context, run: () => trainNetwork(context, options) };
  }

  /** Losses by order of evaluation. */
  const losses = (...values: number[]) => {
    let turn = 0;
    return async () => values[turn++];
  };

  it('stops early and ends with the best weights, on disk as in memory', async () => {
    const selection = { every: 1, patience: 2, loss: losses(3, 1, 2, 2, 0) };
    const selected = await training('selected', { selection });
    const result = await selected.run();
    expect(result.updates).toBe(4);

    const short = await (await training('short', { steps: 2 })).run();
    expect(result.weights).toEqual(short.weights);

    const { found } = await latestCheckpoint(selected.context.folder);
    expect(found!.checkpoint.meta.step).toBe(4);
    expect(found!.checkpoint.state.ema).toEqual(short.weights);
    expect(JSON.parse(await readFile(join(selected.context.folder, 'selection.json'), 'utf8'))).toMatchObject({
      best: { update: 2, loss: 1 },
      updates: 4,
      stoppedEarly: true,
    });
    expect(await readdir(selected.context.folder)).not.toContain('best');
    expect(await selected.run()).toEqual(result);
  });

  it('without patience trains to the end, and the last update is a candidate too', async () => {
    const selection = { every: 4, patience: 0, loss: losses(3, 2, 1) };
    const whole = await (await training('whole', { selection })).run();
    expect(whole.updates).toBe(10);
    expect(whole.weights).toEqual((await (await training('plain', {})).run()).weights);
  });

  it('goes on after an interruption to the same weights', async () => {
    // Any function of the weights will do; this one is least in the middle of the training.
    const target = (await (await training('target', { steps: 5 })).run()).weights;
    const loss = async (weights: Weights) =>
      [...weights].reduce(
        (sum, [name, { data }]) =>
          sum + data.reduce((part, value, i) => part + (value - target.get(name)!.data[i]) ** 2, 0),
        0,
      );
    const selection = { every: 1, patience: 3, loss };
    const uninterrupted = await (await training('uninterrupted', { selection })).run();
    expect(uninterrupted.updates).toBe(8);
    expect(uninterrupted.weights).toEqual(target);

    const stop = new AbortController();
    const stopping = {
      ...selection,
      loss: async (weights: Weights) => {
        if (++evaluated === 7) stop.abort();
        return loss(weights);
      },
    };
    let evaluated = 0;
    const cut = await training('cut', { selection: stopping }, stop.signal);
    await expect(cut.run()).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(await readdir(join(cut.context.folder, 'best'))).toHaveLength(1);
    expect(await (await training('cut', { selection })).run()).toEqual(uninterrupted);
  });
});
