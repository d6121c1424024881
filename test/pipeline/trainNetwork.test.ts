import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initialiseWeights } from '../../src/model/initialise.js';
import { interrupted } from '../../src/contract/errors.js';
import type { PipelineEvent } from '../../src/contract/events.js';
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
      learningRateDecay: 'none',
      common: { ...context.config.base, checkpointEvery: 2 },
      sampleEvery: 0,
      draw: intervalOfTimesteps(0, 40),
      ...rest,
    };
    return { context, options, run: () => trainNetwork(context, options) };
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

  it('draws what is asked for between two updates, and ends with the same weights', async () => {
    const plain = await (await training('quiet', {})).run();
    const asked = await training('asked', {});
    const name = asked.context.draws.ask({ seed: 5, count: 3 });
    const result = await asked.run();
    expect(result.weights).toEqual(plain.weights);
    expect(await name).toMatch(/^\d{17}-base-step1-seed5-count3$/);
    const png = await readFile(join(asked.context.project.folder, 'samples', `${await name}.png`));
    expect(png.toString('latin1', 1, 4)).toBe('PNG');

    // A network that cannot be drawn with is no reason to stop its training, and nothing waits after its end.
    const failing = await training('failing', {
      amongOthers: () => {
        throw new Error('no such network');
      },
    });
    const refused = failing.context.draws.ask({ seed: 5, count: 3 });
    refused.catch(() => undefined);
    expect((await failing.run()).weights).toEqual(plain.weights);
    await expect(refused).rejects.toThrow('no such network');
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

  it('makes up for an evaluation that a stop broke off, also the last one', async () => {
    const loss = async (weights: Weights) => Math.abs(weights.get('conv_out.bias')!.data[0]);
    const whole = await (await training('whole', { selection: { every: 5, patience: 0, loss } })).run();
    for (const turn of [1, 2]) {
      const stop = new AbortController();
      let evaluated = 0;
      const stopping = async (weights: Weights) => {
        if (++evaluated < turn) return loss(weights);
        stop.abort();
        throw interrupted();
      };
      const name = `cut-${turn}`;
      const cut = await training(name, { selection: { every: 5, patience: 0, loss: stopping } }, stop.signal);
      await expect(cut.run()).rejects.toMatchObject({ code: 'INTERRUPTED' });
      expect((await latestCheckpoint(cut.context.folder)).found!.checkpoint.meta.step).toBe(5 * turn);

      const again = await training(name, { selection: { every: 5, patience: 0, loss } });
      expect(await again.run()).toEqual(whole);
      const file = (folder: string) => readFile(join(folder, 'selection.json'), 'utf8');
      expect(await file(again.context.folder)).toBe(await file(join(root, 'whole', 'stages', 'base')));
    }
  });

  it('makes up for a sample grid that a stop broke off, also the last one', async () => {
    const grids = async (folder: string) => {
      const names = (await readdir(join(folder, 'samples'))).sort();
      return Promise.all(names.map(async (name) => [name, await readFile(join(folder, 'samples', name))]));
    };
    const whole = await training('whole', { sampleEvery: 5 });
    const result = await whole.run();
    expect(await grids(whole.context.folder)).toHaveLength(2);
    for (const at of [5, 10]) {
      const stop = new AbortController();
      const name = `cut-${at}`;
      const cut = await training(name, { sampleEvery: 5 }, stop.signal);
      const atStep = (event: PipelineEvent) => event.type === 'metric' && event.step === at && stop.abort();
      const context = { ...cut.context, emit: atStep };
      await expect(trainNetwork(context, cut.options)).rejects.toMatchObject({ code: 'INTERRUPTED' });
      expect(await grids(context.folder)).toHaveLength(at / 5 - 1);

      const again = await training(name, { sampleEvery: 5 });
      expect(await again.run()).toEqual(result);
      expect(await grids(context.folder)).toEqual(await grids(whole.context.folder));
    }
  });

  it('does what a kill right after the last checkpoint left undone', async () => {
    const loss = async () => 1;
    const { context, run } = await training('whole', { selection: { every: 5, patience: 0, loss } });
    const result = await run();
    const { folder } = context;
    const checkpoints = join(folder, 'checkpoints');
    const left = async () => [
      await readdir(folder),
      await readdir(checkpoints),
      await readFile(join(folder, 'latest'), 'utf8'),
    ];
    const before = await left();
    expect(before[1]).toEqual(['step-00000008', 'step-00000010']);
    await cp(join(checkpoints, 'step-00000008'), join(checkpoints, 'step-00000006'), { recursive: true });
    await writeFile(join(folder, 'latest'), 'checkpoints/step-00000008\n');
    await mkdir(join(folder, 'best'));
    expect(await run()).toEqual(result);
    expect(await left()).toEqual(before);
  });
});
