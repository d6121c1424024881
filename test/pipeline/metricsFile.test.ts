import { appendFile, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MetricsFile } from '../../src/pipeline/metricsFile.js';
import { removeFolder } from '../removeFolder.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepadapt-metrics-'));
});
afterEach(() => removeFolder(folder));

const line = (step: number) => ({
  step,
  loss: step / 3,
  gradientNorm: 1,
  learningRate: 1e-3,
  lossByTimestep: [null, 0.5],
});

describe('metrics file', () => {
  it('returns what was appended and nothing for a missing file', async () => {
    const file = new MetricsFile(folder);
    expect(await file.read()).toEqual([]);
    await file.append([line(1)]);
    await file.append([line(2), line(3)]);
    expect(await file.read()).toEqual([line(1), line(2), line(3)]);
  });

  it('keeps the clock apart, and says where work began again', async () => {
    let now = 1000;
    const file = new MetricsFile(folder, () => now);
    await file.truncateAfter(0);
    now = 1500;
    await file.append([line(1)]);
    now = 2000;
    await file.append([line(2)]);
    now = 9000;
    await file.truncateAfter(1);
    now = 9400;
    await file.append([line(2)]);
    expect(await file.readClock()).toEqual([
      { step: 0, at: 1000, begins: true },
      { step: 1, at: 1500 },
      { step: 1, at: 9000, begins: true },
      { step: 2, at: 9400 },
    ]);
  });

  it('drops a torn last line', async () => {
    const file = new MetricsFile(folder);
    await file.append([line(1)]);
    await appendFile(join(folder, 'metrics.jsonl'), '{"step":2,"lo');
    expect(await file.read()).toEqual([line(1)]);
  });

  it('forgets what came after the checkpoint, byte for byte', async () => {
    const file = new MetricsFile(folder);
    await file.append([line(1), line(2)]);
    const atCheckpoint = await readFile(join(folder, 'metrics.jsonl'), 'utf8');
    await file.append([line(3)]);
    await appendFile(join(folder, 'metrics.jsonl'), '{"step":4');
    await file.truncateAfter(2);
    expect(await readFile(join(folder, 'metrics.jsonl'), 'utf8')).toBe(atCheckpoint);
  });
});
