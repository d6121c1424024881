import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initialiseWeights } from '../../src/model/initialise.js';
import { tabulateLosses, timestepLosses } from '../../src/pipeline/timestepLosses.js';
import type { StageContext } from '../../src/pipeline/stage.js';
import { writeCheckpoint } from '../../src/training/checkpoint.js';
import { heldOutLoss, heldOutSet } from '../../src/training/heldOutLoss.js';
import { stageContext, TINY } from './stageContext.js';
import { removeFolder } from '../removeFolder.js';

/** 40 timesteps in 20 bins of two. */
const BINS = 20;

let folder: string;
let context: StageContext;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'timestep-losses-'));
  context = await stageContext(folder, 'evaluation', TINY);
  for (const id of ['base', 'experts/0']) await keep(id, 1);
  await keep('experts/1', 2);
});
afterAll(() => removeFolder(folder));

/** Leaves a network with the weights of this seed as the result of a stage. */
async function keep(id: string, seed: number): Promise<void> {
  const { spec } = context.design;
  const weights = initialiseWeights(spec, seed);
  const state = { weights, ema: weights, firstMoment: weights, secondMoment: weights };
  await writeCheckpoint(context.store.folder(id), {
    spec,
    state,
    meta: { step: 1, seed: 0, engine: context.engine, extra: null },
  });
}

describe('losses by timestep', () => {
  it('are the mean of 16 images in each bin, the same images and noises for every model', async () => {
    const { config, design, data } = context;
    const set = heldOutSet({
      heldOut: data.heldOut,
      objective: design.objective,
      from: 0,
      to: 40,
      images: 16 * BINS,
      seed: config.seed + 3,
    });
    const { perImage } = await heldOutLoss(design.spec, initialiseWeights(design.spec, 1), set);
    const losses = await timestepLosses(context, 'base');
    expect(losses).toHaveLength(BINS);
    losses.forEach((loss, bin) => {
      // Timesteps ascend evenly, so each bin has the next 16 images.
      const own = perImage.slice(16 * bin, 16 * bin + 16);
      expect(loss).toBeCloseTo(own.reduce((sum, value) => sum + value, 0) / 16, 6);
    });
  });

  it('of experts come from the one in charge: the same where it is the base, others beyond the border', async () => {
    expect(context.design.groups.map(({ to }) => to)).toEqual([20, 40]);
    const base = await timestepLosses(context, 'base');
    const adaptive = await timestepLosses(context, 'adaptive');
    expect(adaptive.slice(0, 10)).toEqual(base.slice(0, 10));
    adaptive.slice(10).forEach((loss, index) => expect(loss).not.toBe(base[10 + index]));
  });

  it('stand beside one another with the borders of their bins', () => {
    const [first, second] = [0, 100].map((start) => Array.from({ length: BINS }, (_, bin) => start + bin));
    const rows = tabulateLosses([first!, second!], 1000);
    expect(rows).toHaveLength(BINS);
    expect(rows[3]).toEqual({ from: 150, to: 200, losses: [3, 103] });
  });

  it('leave out bins without a timestep', () => {
    const rows = tabulateLosses([Array.from({ length: BINS }, (_, bin) => bin)], 7);
    // timestep t lies in bin floor(20 t / 7)
    expect(rows).toEqual([0, 2, 5, 8, 11, 14, 17].map((bin, t) => ({ from: t, to: t + 1, losses: [bin] })));
  });
});
