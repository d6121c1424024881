import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { modelSchema } from '../../src/contract/config.js';
import type { StageRecord } from '../../src/contract/project.js';
import { readQueue, writeQueue } from '../../src/jobs/queueFile.js';
import { openProxyMemory } from '../../src/method/proxyMemory.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import { MetricsFile } from '../../src/pipeline/metricsFile.js';
import { StageStore } from '../../src/pipeline/stageStore.js';
import { recording, replaying } from '../../src/pipeline/transcript.js';
import { writeFileAtomic } from '../../src/project/atomicFile.js';
import { createProject, openProject, parseConfig, saveConfig, type Project } from '../../src/project/project.js';
import { buildReport } from '../../src/report/reportModel.js';
import { writeReport } from '../../src/report/writeReport.js';
import { latestCheckpoint, writeCheckpoint } from '../../src/training/checkpoint.js';
import { pruneCheckpoints } from '../../src/training/checkpointFolders.js';
import { removeFolder } from '../removeFolder.js';
import { exampleContent } from '../report/exampleReport.js';
import { CRASHES, diskState, stateAfterCrash, writeDiskState, type DiskState } from './crashStates.js';
import { interceptFiles, type FileOperation } from './fileOperations.mjs';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-crash-'));
});
afterAll(() => removeFolder(root));

/** Something that is saved. */
interface Saving {
  /** Makes what is there before. */
  readonly prepare: (folder: string) => Promise<unknown>;
  readonly save: (folder: string) => Promise<unknown>;
  /** What a reader makes of the folder; throws, or gives neither value, where it is damaged. */
  readonly read: (folder: string) => Promise<unknown>;
  /** Whether saving once more gives the new state again; lines would be there twice, and a report takes long to draw. */
  readonly once?: true;
}

const spec = buildUNetSpec(
  modelSchema.parse({ channels: 4, multipliers: [1], blocks: 1, attention: [], normGroups: 2 }),
  { size: 8, channels: 1 },
);

async function writeStep(folder: string, step: number, note: string): Promise<void> {
  const weights = initialiseWeights(spec, step);
  const state = { weights, ema: weights, firstMoment: weights, secondMoment: weights };
  const engine = { id: 'wasm', version: 'x', device: 'cpu', threads: 1 } as const;
  await writeCheckpoint(folder, { spec, state, meta: { step, seed: 1, engine, extra: note } });
  await pruneCheckpoints(folder, 1);
}

/** The checkpoint that a run would go on from; nothing complete may be damaged, and the pointer must not name a lost one. */
async function newest(folder: string): Promise<unknown> {
  const { found, damaged } = await latestCheckpoint(folder);
  expect(damaged).toEqual([]);
  return found === null ? null : [found.checkpoint.meta.step, found.checkpoint.meta.extra];
}

const record = (inputHash: string): StageRecord => ({
  format: 'stepadapt-stage',
  version: 1,
  id: 'base',
  state: 'done',
  inputHash: inputHash.repeat(64),
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: null,
  seconds: 1,
  progress: 1,
  engine: { id: 'wasm', version: '4.22.0', device: 'cpu', threads: 1 },
  softwareVersion: '0.1.0',
  macs: {},
  error: null,
});
const storeIn = (folder: string) =>
  new StageStore({ folder: join(folder, 'p'), path: join(folder, 'p', 'p.stepadapt') } as Project);
const project = (folder: string) =>
  createProject(join(folder, 'p'), { preset: null, config: parseConfig({ seed: 1 }), now: new Date(0) });
const text = (path: string) => readFile(path, 'utf8').catch(() => null);
const line = (step: number) => ({ step, loss: 1, gradientNorm: 1, learningRate: 1, lossByTimestep: [null] });
/** A line of metrics as a checkpoint finds it. */
async function appendMetric(folder: string, step: number): Promise<void> {
  const file = new MetricsFile(folder);
  await file.append([line(step)]);
  await file.sync();
}
const round = (index: number) => ({
  round: index,
  widths: { a: 1 },
  macs: 1,
  score: 1,
  seed: 1,
  seconds: 1,
  reason: '',
  repairs: [],
});

const SAVINGS: Readonly<Record<string, Saving>> = {
  'the first checkpoint': {
    prepare: async () => undefined,
    save: (folder) => writeStep(join(folder, 'base'), 5, 'new'),
    read: (folder) => newest(join(folder, 'base')),
  },
  'the next checkpoint, which replaces the only one kept': {
    prepare: (folder) => writeStep(folder, 5, 'old'),
    save: (folder) => writeStep(folder, 10, 'new'),
    read: newest,
  },
  'a checkpoint of a step that has one': {
    prepare: (folder) => writeStep(folder, 5, 'old'),
    save: (folder) => writeStep(folder, 5, 'new'),
    read: newest,
  },
  'a new project': {
    prepare: async () => undefined,
    save: project,
    read: (folder) =>
      openProject(join(folder, 'p')).then(
        ({ file }) => file,
        ({ code }: { code: string }) => code,
      ),
  },
  "a project's config": {
    prepare: project,
    save: async (folder) => saveConfig(await openProject(join(folder, 'p')), parseConfig({ seed: 2 })),
    read: async (folder) => (await openProject(join(folder, 'p'))).file.config.seed,
  },
  "a stage's record": {
    prepare: async (folder) => {
      await project(folder);
      await storeIn(folder).write(record('a'));
    },
    save: (folder) => storeIn(folder).write(record('b')),
    read: (folder) => storeIn(folder).read('base'),
  },
  'the change to another config and its earlier results': {
    prepare: async (folder) => {
      await project(folder);
      for (const hash of ['a', 'b']) {
        await storeIn(folder).prepare('base', hash.repeat(64));
        await storeIn(folder).write(record(hash));
        await writeFileAtomic(join(storeIn(folder).folder('base'), 'result'), hash);
      }
    },
    save: (folder) => storeIn(folder).prepare('base', 'a'.repeat(64)),
    // Results of both configs are somewhere, whole; which of them is in place may be either, or none for a moment.
    read: async (folder) => {
      const places = ['stages/base', `archive/base/${'a'.repeat(16)}`, `archive/base/${'b'.repeat(16)}`];
      const found = await Promise.all(
        places.map(async (place) => [
          (JSON.parse((await text(join(folder, 'p', place, 'stage.json'))) ?? 'null') as StageRecord | null)
            ?.inputHash[0],
          await text(join(folder, 'p', place, 'result')),
        ]),
      );
      return found.filter(([hash]) => hash !== undefined).sort();
    },
  },
  'a line of metrics': {
    prepare: (folder) => appendMetric(folder, 1),
    save: (folder) => appendMetric(folder, 2),
    once: true,
    read: (folder) => new MetricsFile(folder).read(),
  },
  'metrics cut back to a checkpoint': {
    prepare: (folder) => new MetricsFile(folder).append([line(1), line(2)]),
    save: (folder) => new MetricsFile(folder).truncateAfter(1),
    read: (folder) => new MetricsFile(folder).read(),
  },
  'the first round of a search': {
    prepare: async () => undefined,
    save: async (folder) => (await openProxyMemory(join(folder, 'memory.jsonl'))).append(round(0)),
    once: true,
    read: async (folder) => (await openProxyMemory(join(folder, 'memory.jsonl'))).entries.length,
  },
  'an answer of a language model': {
    prepare: async () => undefined,
    save: async (folder) => (await recording(join(folder, 'transcript.jsonl'), 's', async () => '[1]'))(0, []),
    read: async (folder) => {
      const ask = await replaying(join(folder, 'transcript.jsonl'), 's').catch(() => null);
      return ask === null ? null : ask(0, []).catch(() => null);
    },
  },
  'the queue': {
    prepare: (folder) => writeQueue(join(folder, 'queue.json'), { paused: false, jobs: [] }),
    save: (folder) => writeQueue(join(folder, 'queue.json'), { paused: true, jobs: [] }),
    read: (folder) => readQueue(join(folder, 'queue.json')),
  },
  'a report': {
    prepare: async () => undefined,
    save: (folder) => writeReport(join(folder, 'reports', '1'), buildReport(exampleContent())),
    once: true,
    read: async (folder) =>
      (await readdir(join(folder, 'reports', '1'), { recursive: true }).catch(() => [])).sort().join(),
  },
};

const key = (state: DiskState) => {
  const hash = createHash('sha256');
  for (const [path, content] of [...state].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${path}\0`).update(content ?? '');
  return hash.digest('hex');
};

it.each(Object.entries(SAVINGS))(
  '%s: after a crash at any operation the old state or the new one',
  async (name, saving) => {
    const folder = join(root, name);
    await writeDiskState(folder, new Map());
    await saving.prepare(folder);
    const before = await diskState(folder);
    const old = await saving.read(folder);
    const log: FileOperation[] = [];
    const restore = interceptFiles((operation, perform) => {
      log.push(operation);
      return perform();
    });
    try {
      await saving.save(folder);
    } finally {
      restore();
    }
    const fresh = await saving.read(folder);
    if (!name.startsWith('the change')) expect(fresh).not.toEqual(old);
    expect(log.filter(({ kind }) => kind === 'sync').length).toBeGreaterThan(0);

    const seen = new Map<string, unknown>();
    for (let count = 0; count <= log.length; count++) {
      for (const crash of CRASHES) {
        const state = stateAfterCrash(before, folder, log, count, crash);
        if (state === null) continue;
        const id = key(state);
        if (!seen.has(id)) {
          const place = join(root, `${name}-state`);
          await rm(place, { recursive: true, force: true });
          await writeDiskState(place, state);
          const found = await saving.read(place);
          expect([old, fresh], `${crash} after operation ${count} of ${log.length}`).toContainEqual(found);
          if (saving.once !== true) {
            // Whatever a crash left, the same save works afterwards; a project that was saved refuses to be made again.
            await saving.save(place).catch((error: { code?: string }) => expect(error.code).toBe('PROJECT_EXISTS'));
            expect(await saving.read(place), `saved again, ${crash} after operation ${count}`).toEqual(fresh);
          }
          seen.set(id, found);
        }
        // What was reported as saved stays, whatever fails afterwards.
        if (count === log.length) expect(seen.get(id), `${crash} at the end`).toEqual(fresh);
      }
    }
  },
);
