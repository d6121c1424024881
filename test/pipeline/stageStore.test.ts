import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StageRecord } from '../../src/contract/project.js';
import { StageStore } from '../../src/pipeline/stageStore.js';
import { createProject, parseConfig } from '../../src/project/project.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
let store: StageStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-store-'));
  store = new StageStore(await createProject(join(root, 'p'), { preset: null, config: parseConfig({}) }));
});
afterEach(() => removeFolder(root));

const record = (inputHash: string): StageRecord => ({
  format: 'stepadapt-stage',
  version: 1,
  id: 'experts/1',
  state: 'done',
  inputHash,
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: null,
  seconds: 1,
  progress: 1,
  engine: { id: 'wasm', version: '4.22.0', device: 'cpu', threads: 1 },
  softwareVersion: '0.1.0',
  macs: { training: 10 },
  error: null,
});

describe('stage store', () => {
  it('keeps results of the same inputs', async () => {
    await store.write(record('a'.repeat(64)));
    expect(await store.prepare('experts/1', 'a'.repeat(64))).toEqual(record('a'.repeat(64)));
  });

  it('archives results of other inputs and brings them back with those inputs', async () => {
    const [first, second] = ['a'.repeat(64), 'b'.repeat(64)];
    await store.prepare('experts/1', first);
    await store.write(record(first));
    await writeFile(join(store.folder('experts/1'), 'weights'), 'first');
    expect(await store.prepare('experts/1', second)).toBeNull();
    await store.write(record(second));
    expect(await store.prepare('experts/1', first)).toEqual(record(first));
    expect(await readFile(join(store.folder('experts/1'), 'weights'), 'utf8')).toBe('first');
    expect(await store.prepare('experts/1', second)).toEqual(record(second));
  });

  it('names a damaged record instead of computing over it', async () => {
    await store.write(record('a'.repeat(64)));
    await writeFile(join(store.folder('experts/1'), 'stage.json'), '{"format":');
    await expect(store.prepare('experts/1', 'a'.repeat(64))).rejects.toMatchObject({ code: 'STAGE_CORRUPT' });
  });
});
