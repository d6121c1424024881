import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PipelineEvent } from '../../../src/contract/events.js';
import { encodePng } from '../../../src/formats/images.js';
import { runSweep } from '../../../src/pipeline/sweep/runSweep.js';
import { expandSweep, parseSweep } from '../../../src/pipeline/sweep/sweepFile.js';
import { tabulateSweep, writeSweepTable } from '../../../src/pipeline/sweep/tabulateSweep.js';
import { randomIntegers } from '../../../src/tensor/random.js';
import { TINY } from '../stageContext.js';
import { removeFolder } from '../../removeFolder.js';

describe('runSweep', () => {
  let folder: string;
  let events: PipelineEvent[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sweep-'));
    events = [];
    // Images without labels need no feature network.
    for (let index = 0; index < 40; index++) {
      const pixels = Uint8Array.from(randomIntegers({ seed: 1, stream: 'images', index }, 64, 0, 256));
      await writeFile(join(folder, `${index}.png`), await encodePng(pixels, { width: 8, height: 8, channels: 1 }));
    }
  });
  afterEach(() => removeFolder(folder));

  const signal = new AbortController().signal;
  const emit = (event: PipelineEvent) => void events.push(event);
  const done = (stage: string) =>
    events.filter((event) => event.type === 'state' && event.stage === stage && event.state === 'running').length;

  it('trains each base once, survives a failure, goes on, and tabulates over seeds', async () => {
    const base = {
      ...TINY,
      data: { source: 'images', path: folder, size: 8, channels: 1 },
      base: { ...TINY.base, steps: 2 },
      experts: { steps: 1, warmup: 0 },
      pruning: { rounds: 0, evidence: 1 },
      evaluation: { samples: 8, uniformBaseline: false },
    };
    const points = expandSweep(
      parseSweep({ base, folder: 'x', vary: { 'budget.targetMean': [0.8, 0.9], seed: [0, 1] } }, 'the test'),
    );
    // Its images are gone, so it cannot run.
    const out = join(folder, 'out');
    const broken = points.map((point, index) =>
      index === 1
        ? { ...point, config: { ...point.config, data: { ...point.config.data, path: join(folder, 'no') } } }
        : point,
    );
    const outcomes = await runSweep(broken, { folder: out, emit, signal });
    expect(outcomes.map(({ error }) => error === null)).toEqual([true, false, true, true]);
    // Seed 0 twice, once copied; seed 1 only where its data is.
    expect(done('base')).toBe(2);
    expect(events).toContainEqual(
      expect.objectContaining({ message: expect.stringMatching(/^already computed: base/) }),
    );

    const table = await tabulateSweep(outcomes);
    await writeSweepTable(out, table);
    expect(table.failures).toHaveLength(1);
    // Without labels the features are the same whatever the seed, and so is how all projects are measured.
    expect(table.protocols).toEqual([
      { projects: [0, 2, 3].map((index) => points[index].name), protocol: expect.objectContaining({ samples: 8 }) },
    ]);
    expect(table.rows.map(({ varied, model, seeds }) => [varied['budget.targetMean'], model, seeds])).toEqual([
      [0.8, 'base', 1],
      [0.8, 'adaptive', 1],
      [0.9, 'base', 2],
      [0.9, 'adaptive', 2],
    ]);
    const values = await Promise.all(
      outcomes.slice(2).map(async ({ project }) => {
        const text = await readFile(join(project.folder, 'stages', 'evaluation', 'evaluation.json'), 'utf8');
        return JSON.parse(text).rows[1].perSeed[0].fd as number;
      }),
    );
    const adaptive = table.rows[3];
    expect(adaptive.mean).toBeCloseTo((values[0] + values[1]) / 2, 9);
    expect(adaptive.std).toBeCloseTo(Math.abs(values[0] - values[1]) / Math.SQRT2, 9);
    // The same base of seed 0, sampled with the same noises, whatever the budget.
    expect(table.rows[0].macsRatio).toBe(1);
    await stat(join(out, 'sweep.csv'));

    events = [];
    const again = await runSweep(broken, { folder: out, emit, signal });
    expect(again.map(({ error }) => error === null)).toEqual([true, false, true, true]);
    expect(events.filter((event) => event.type === 'state' && event.state === 'running')).toEqual([]);

    const changed = points.map((point) => ({ ...point, config: { ...point.config, seed: 9 } }));
    await expect(runSweep(changed, { folder: out, emit, signal })).rejects.toMatchObject({ code: 'SWEEP_CHANGED' });
  });
});
