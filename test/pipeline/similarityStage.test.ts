import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StageRecord } from '../../src/contract/project.js';
import { decodeNpz } from '../../src/formats/npz.js';
import { inputHashes } from '../../src/pipeline/inputHash.js';
import { pipelineStages } from '../../src/pipeline/pipelineStages.js';
import { projectDesign } from '../../src/pipeline/projectDesign.js';
import { baseStage } from '../../src/pipeline/stages/baseStage.js';
import { groupingStage } from '../../src/pipeline/stages/groupingStage.js';
import { similarityStage } from '../../src/pipeline/stages/similarityStage.js';
import { readSimilarity } from '../../src/pipeline/similarityFiles.js';
import { stageContext, TINY } from './stageContext.js';
import { removeFolder } from '../removeFolder.js';

const config = {
  ...TINY,
  grouping: { method: 'mixture', groups: 2, gradientPoints: 5, gradientImages: 4, gradientDimensions: 64 },
};

function doneRecord(id: string, inputHash: string): StageRecord {
  return {
    format: 'stepadapt-stage',
    version: 1,
    id,
    state: 'done',
    inputHash,
    startedAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:00:00.000Z',
    seconds: 1,
    progress: 1,
    engine: { id: 'wasm', version: '1', device: 'cpu', threads: 1 },
    softwareVersion: '0',
    macs: {},
    error: null,
  };
}

describe('similarity stage', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'similarity-'));
    const context = await stageContext(folder, 'base', config);
    await baseStage(context.config).run(context);
  });
  afterEach(() => removeFolder(folder));

  it('resumed equals uninterrupted, also after a torn row; the groups follow from the matrix', async () => {
    const context = await stageContext(folder, 'similarity', config);
    const stage = similarityStage(context.config);
    const compute = await stage.run(context);
    // Two checkpoints, five timesteps, four images, three passes each.
    expect(compute.search).toBe(2 * 5 * 4 * 3 * context.design.baseMacs);
    const path = join(context.folder, 'similarity.npz');
    const whole = await readFile(path);

    const arrays = decodeNpz(whole);
    expect([...arrays.get('grid')!.data]).toEqual([0, 10, 20, 29, 39]);
    expect([...arrays.get('steps')!.data]).toEqual([3, 6]);
    const [first, second] = [0, 25].map((at) => (arrays.get('checkpoints')!.data as Float64Array).slice(at, at + 25));
    (arrays.get('matrix')!.data as Float64Array).forEach((value, i) =>
      expect(value).toBeCloseTo((first[i] + second[i]) / 2, 12),
    );
    expect(new Set(first).size).toBeGreaterThan(5);

    await removeFolder(context.folder);
    const stop = new AbortController();
    const cut = await stageContext(folder, 'similarity', config, stop.signal);
    let rows = 0;
    const stopAfterRows = {
      ...cut,
      data: {
        heldOut: cut.data.heldOut,
        // Read once for each gradient.
        get train() {
          if (++rows === 4) stop.abort();
          return cut.data.train;
        },
      },
    };
    await expect(stage.run(stopAfterRows)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const kept = await readdir(join(cut.folder, 'rows'));
    expect(kept).toHaveLength(3);
    const torn = join(cut.folder, 'rows', kept[0]);
    await writeFile(torn, (await readFile(torn)).subarray(0, 200));

    const resumed = await stageContext(folder, 'similarity', config);
    await stage.run(resumed);
    expect(await readFile(path)).toEqual(whole);
    expect(resumed.events).toContainEqual(expect.objectContaining({ type: 'log', level: 'warn' }));
    await expect(readdir(join(cut.folder, 'rows'))).rejects.toMatchObject({ code: 'ENOENT' });

    const similarity = await readSimilarity(context.store, 40);
    for (let a = 0; a < 40; a++) {
      expect(similarity[a * 40 + a]).toBe(1);
      for (let b = 0; b < a; b++) expect(similarity[a * 40 + b]).toBe(similarity[b * 40 + a]);
    }

    const grouping = await stageContext(folder, 'grouping', config);
    expect(grouping.design.provisional).toEqual({ bounds: true, budgets: true });
    await groupingStage(grouping.config).run(grouping);
    const decided = JSON.parse(await readFile(join(grouping.folder, 'grouping.json'), 'utf8'));
    expect(decided.bounds).toHaveLength(3);
    expect(decided.cost).toBeLessThan(1);

    const { store } = grouping;
    expect(await projectDesign(grouping.config, store)).toMatchObject({ provisional: { bounds: true } });
    const inputHash = inputHashes(pipelineStages(grouping.config)).get('grouping')!;
    await store.write(doneRecord('grouping', inputHash));
    const design = await projectDesign(grouping.config, store);
    expect(design).toMatchObject({
      bounds: decided.bounds,
      k: decided.k,
      provisional: { bounds: false, budgets: false },
    });
    expect(design.groups).toEqual(decided.groups);
    await store.write(doneRecord('grouping', 'f'.repeat(64)));
    expect(await projectDesign(grouping.config, store)).toMatchObject({ provisional: { bounds: true } });
  });

  it('says what to do when the matrix is damaged', async () => {
    const context = await stageContext(folder, 'grouping', config);
    await expect(readSimilarity(context.store, 40)).rejects.toMatchObject({ code: 'SIMILARITY_DAMAGED' });
  });

  it('measures which group suffers most from the trial pruning', async () => {
    const context = await stageContext(folder, 'grouping', {
      ...TINY,
      budget: { rule: 'measured', targetMean: 0.9, trialRatio: 0.7 },
    });
    const compute = await groupingStage(context.config).run(context);
    const { lossIncrease, groups } = JSON.parse(await readFile(join(context.folder, 'grouping.json'), 'utf8'));
    expect(lossIncrease).toHaveLength(2);
    const largest = lossIncrease[0] >= lossIncrease[1] ? 0 : 1;
    expect(groups[largest].budget).toBe(1);
    expect(groups[1 - largest].budget).toBeCloseTo(0.8, 12);
    expect(compute.search).toBeGreaterThan(2 * 8 * context.design.baseMacs * 1.5);
  });
});
