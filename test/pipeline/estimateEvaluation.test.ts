import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { estimateEvaluation } from '../../src/pipeline/estimateEvaluation.js';
import { createProject, parseConfig, type Project } from '../../src/project/project.js';
import { countModel } from '../../src/model/countModel.js';
import { designExperiment } from '../../src/pipeline/design.js';
import { TINY } from './stageContext.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
let project: Project;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'estimate-'));
  const config = parseConfig({
    ...TINY,
    evaluation: { samples: 2500, seeds: [0, 1], uniformBaseline: false },
  });
  project = await createProject(join(root, 'p'), { preset: null, config });
});
afterAll(() => removeFolder(root));

/** Leaves shards of these sizes as an interrupted evaluation would; only their names are looked at. */
async function keepShards(model: string, seed: number, first: readonly number[]): Promise<void> {
  const folder = join(project.folder, 'stages', 'evaluation', 'samples', `${model}-seed${seed}`);
  await mkdir(folder, { recursive: true });
  for (const image of first) await writeFile(join(folder, `${String(image).padStart(7, '0')}.npz`), '');
}

describe('the estimate of an evaluation', () => {
  it('counts the images of every model and seed, and their multiply-accumulates', async () => {
    const estimate = await estimateEvaluation(project);
    // 2500 images of two models from two seeds
    expect(estimate).toMatchObject({ kept: 0, images: 10_000 });
    const perPass = countModel(designExperiment(project.file.config).spec).macs;
    // 4 steps each, the experts at their mean budget of 0.9
    expect(estimate.macs / (2 * 2500 * 4 * perPass * (1 + 0.9))).toBeCloseTo(1, 6);
    expect(estimate.seconds).toBeGreaterThan(0);
  });

  it('leaves out finished shards, the last of which holds what is left', async () => {
    await keepShards('base', 0, [0, 1000, 2000]);
    await keepShards('adaptive', 1, [1000]);
    // of another config: image 500 begins no shard
    await keepShards('adaptive', 0, [500]);
    const estimate = await estimateEvaluation(project);
    expect(estimate).toMatchObject({ kept: 3500, images: 6500 });
  });
});
