import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { modelSchema } from '../../../src/contract/config.js';
import { pruningResultSchema } from '../../../src/contract/results.js';
import { previewDesign } from '../../../src/app/designPreview.js';
import { applySettings } from '../../../src/cli/settings.js';
import { parseJson } from '../../../src/formats/json.js';
import { JobStore } from '../../../src/jobs/jobStore.js';
import { readQueue } from '../../../src/jobs/queueFile.js';
import { openProxyMemory } from '../../../src/method/proxyMemory.js';
import { buildUNetSpec } from '../../../src/model/buildSpec.js';
import { diffusersConfig, specFromDiffusersConfig } from '../../../src/model/diffusersConfig.js';
import { initialiseWeights } from '../../../src/model/initialise.js';
import { tensorShapes } from '../../../src/model/tensorShapes.js';
import { MetricsFile } from '../../../src/pipeline/metricsFile.js';
import { findPreset } from '../../../src/pipeline/presets.js';
import { StageStore } from '../../../src/pipeline/stageStore.js';
import { expandSweep, parseSweep } from '../../../src/pipeline/sweep/sweepFile.js';
import { replaying } from '../../../src/pipeline/transcript.js';
import { openProject, parseConfig, type Project } from '../../../src/project/project.js';
import { readResultFile } from '../../../src/project/resultFile.js';
import { readReport } from '../../../src/report/writeReport.js';
import { buildReport } from '../../../src/report/reportModel.js';
import { reportFigures } from '../../../src/report/figures.js';
import { reportPage } from '../../../src/report/html.js';
import { latestCheckpoint, writeCheckpoint } from '../../../src/training/checkpoint.js';
import { exampleContent } from '../../report/exampleReport.js';
import type { FuzzReader } from '../fuzzReader.js';
import { mutateBytes, mutateJson } from '../mutate.js';
import type { Random } from '../random.js';
import { ensure, scratchFolder } from '../scratch.js';

const WORDS = [
  '"__proto__":{"polluted":1}',
  '[[[[[[[[',
  '1e999',
  '-0',
  'null',
  '{}',
  '\\ud800',
  '"../../x"',
  '\n',
  '"constructor"',
];

/** A changed value as text, the text sometimes changed too. */
function mutatedText(random: Random, value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(random.below(8) === 0 ? value : mutateJson(random, value)));
  return random.below(4) === 0 ? mutateBytes(random, [text], WORDS) : text;
}

interface JsonFile {
  readonly name: string;
  readonly value: unknown;
  /** Path of the file in the reader's folder. */
  readonly file: string;
  readonly read: (folder: string, path: string) => unknown;
  /** Makes the file's text of the changed JSON. */
  readonly finish?: (text: Buffer) => Buffer;
}

/** A reader of one JSON file that a project, or a folder of the application, holds. */
async function fileReader({ name, value, file, read, finish = (text) => text }: JsonFile): Promise<FuzzReader> {
  const { folder, close } = await scratchFolder();
  const path = join(folder, 'inside', file);
  await mkdir(dirname(path), { recursive: true });
  return {
    name,
    make: (random) => finish(mutatedText(random, value)),
    async read(text: Buffer) {
      await writeFile(path, text);
      await read(join(folder, 'inside'), path);
    },
    async close() {
      const beside = await readdir(folder);
      await close();
      ensure(beside.join() === 'inside', `something was written beside the folder: ${beside.join(', ')}`);
    },
  } as FuzzReader;
}

const config = () => findPreset('shapes-tiny').config;
const projectFile = () => ({
  format: 'stepadapt-project',
  version: 1,
  name: 'p',
  createdAt: '2026-01-01T00:00:00.000Z',
  preset: 'shapes-tiny',
  config: parseConfig(config()),
});
const stageRecord = () => ({
  format: 'stepadapt-stage',
  version: 1,
  id: 'experts/1',
  state: 'done',
  inputHash: 'a'.repeat(64),
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: null,
  seconds: 1,
  progress: 1,
  engine: { id: 'wasm', version: '4.22.0', device: 'cpu', threads: 1 },
  softwareVersion: '0.1.0',
  macs: { training: 10 },
  error: null,
});

export const projectReader = () =>
  fileReader({ name: 'project', value: projectFile(), file: 'p.stepadapt', read: (folder) => openProject(folder) });

/** A config as a form or a file has it, and the design that follows from it. */
export async function configReader(): Promise<FuzzReader> {
  const full = parseConfig(config());
  return {
    name: 'config',
    make: (random) => mutateJson(random, random.below(2) === 0 ? full : config()),
    read(value) {
      parseConfig(value);
      previewDesign(value);
    },
  };
}

/** `--set` of the command line. */
export async function settingsReader(): Promise<FuzzReader> {
  const seeds = ['base.steps=500', 'evaluation.seeds=[1,2]', 'data.path=/x', 'grouping.bounds=null'].map((text) =>
    Buffer.from(text),
  );
  const words = ['__proto__', 'constructor', 'prototype', '.', '=', '{"polluted":1}', '[[['];
  return {
    name: 'settings',
    make: (random) => mutateBytes(random, seeds, words).toString('latin1'),
    read: (text) => parseConfig(applySettings(config(), [text as string])),
  };
}

export const jobReader = () =>
  fileReader({
    name: 'job record',
    file: 'jobs/20260101000000000-abcdef01.json',
    value: {
      format: 'stepadapt-job',
      version: 1,
      id: '20260101000000000-abcdef01',
      state: 'queued',
      until: null,
      config: parseConfig(config()),
      queuedAt: '2026-01-01T00:00:00.000Z',
      startedAt: null,
      endedAt: null,
      process: null,
      error: null,
    },
    read: (folder) => new JobStore(folder).newest(),
  });

export const queueReader = () =>
  fileReader({
    name: 'queue',
    file: 'queue.json',
    value: {
      format: 'stepadapt-queue',
      version: 1,
      paused: false,
      jobs: [{ job: '20260101000000000-abcdef01', project: '/p' }],
    },
    read: (_folder, path) => readQueue(path),
  });

export async function stageReader(): Promise<FuzzReader> {
  return fileReader({
    name: 'stage record',
    file: 'stages/experts/1/stage.json',
    value: stageRecord(),
    async read(folder) {
      const store = new StageStore({ folder, path: '', file: projectFile() as Project['file'] });
      await store.prepare('experts/1', 'b'.repeat(64));
      await mkdir(store.folder('experts/1'), { recursive: true });
    },
  });
}

/** `state.json` of a checkpoint whose hash is right: its author knows how to make one. */
export async function checkpointReader(): Promise<FuzzReader> {
  const { folder, close } = await scratchFolder();
  const spec = buildUNetSpec(
    modelSchema.parse({ channels: 4, multipliers: [1, 2], blocks: 1, attention: [], dropout: 0, normGroups: 2 }),
    { size: 8, channels: 1 },
  );
  const weights = initialiseWeights(spec, 1);
  const engine = { id: 'wasm', version: 'v', device: 'cpu', threads: 2 } as const;
  const state = { weights, ema: weights, firstMoment: weights, secondMoment: weights };
  const written = await writeCheckpoint(folder, { spec, state, meta: { step: 3, seed: 9, engine, extra: null } });
  const path = join(written, 'state.json');
  const body = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  delete body.sha256;
  return {
    name: 'checkpoint',
    make(random) {
      const value = mutateJson(random, body);
      const sha256 = createHash('sha256')
        .update(JSON.stringify(value) ?? '')
        .digest('hex');
      const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
      const text = Buffer.from(JSON.stringify(isRecord ? { ...value, sha256 } : value) ?? '');
      return random.below(8) === 0 ? mutateBytes(random, [text], WORDS) : text;
    },
    async read(text: Buffer) {
      await writeFile(path, text);
      await latestCheckpoint(folder);
    },
    close,
  } as FuzzReader;
}

const lines = (text: Buffer) => Buffer.concat([text, Buffer.from('\n'), text, Buffer.from('\n{"torn":')]);

export const metricsReader = () =>
  fileReader({
    name: 'metrics',
    file: 'metrics.jsonl',
    value: { step: 1, loss: 0.5, gradientNorm: 1, learningRate: 0.001, lossByTimestep: [0.1, null, 2] },
    finish: lines,
    read: async (folder) => {
      for (const line of await new MetricsFile(folder).read())
        ensure(Array.isArray(line.lossByTimestep), 'a line has no bins');
    },
  });

export const memoryReader = () =>
  fileReader({
    name: 'memory',
    file: 'memory.jsonl',
    value: { round: 0, widths: { 'a.b': 8 }, macs: 5, score: 0.5, seed: 1, seconds: 2, reason: 'r', repairs: [] },
    finish: (text) => Buffer.concat([text, Buffer.from('\n{"torn":')]),
    read: (_folder, path) => openProxyMemory(path),
  });

export const transcriptReader = () =>
  fileReader({
    name: 'transcript',
    file: 'transcript.jsonl',
    value: { stage: 'experts/1', round: 0, messages: [{ role: 'user', content: 'x' }], answer: '[1]', problem: null },
    finish: lines,
    read: (_folder, path) => replaying(path, 'experts/1'),
  });

export async function sweepReader(): Promise<FuzzReader> {
  const value = {
    base: 'shapes-tiny',
    set: { 'base.steps': 5 },
    vary: { 'grouping.groups': [2, 3], seed: [0, 1] },
    baselines: ['reversed'],
    folder: 'runs',
  };
  return {
    name: 'sweep',
    make: (random) => mutateJson(random, value),
    read: (raw) => expandSweep(parseSweep(raw, 'x')),
  };
}

export async function modelConfigReader(): Promise<FuzzReader> {
  const spec = buildUNetSpec(
    modelSchema.parse({ channels: 8, multipliers: [1, 2], blocks: 1, attention: [4], dropout: 0, normGroups: 4 }),
    { size: 8, channels: 3 },
  );
  const values = [diffusersConfig(spec), { ...diffusersConfig(spec), stepadapt: { version: 1, spec } }];
  return {
    name: 'model config',
    make: (random) => mutateJson(random, random.pick(values)),
    read: (value) => tensorShapes(specFromDiffusersConfig(value, 'config.json')),
  };
}

export const pruningReader = () =>
  fileReader({
    name: 'pruning result',
    file: 'pruning.json',
    value: {
      from: 0,
      to: 5,
      requested: 0.5,
      effective: 0.5,
      macs: 3,
      parameters: 4,
      widths: [{ id: 'a', full: 8, kept: 4 }],
      keep: { a: [0, 1, 2, 3] },
      importance: 'l1',
      normPolicy: 'gcd',
      scope: 'inner',
      confidence: null,
      rounds: 0,
      proxyScore: null,
      searchMacs: 0,
    },
    read: (_folder, path) => readResultFile(path, pruningResultSchema),
  });

/** A report's data, and the page made of it, in which nothing of the data may become markup. */
export async function reportReader(): Promise<FuzzReader> {
  const model = buildReport(exampleContent());
  return fileReader({
    name: 'report',
    file: 'report.json',
    value: model,
    async read(folder) {
      const report = await readReport(folder);
      const page = reportPage(report, reportFigures(report));
      ensure(!/<script/i.test(page), 'the page holds a script');
    },
  });
}

/** The JSON limit itself. */
export async function jsonReader(): Promise<FuzzReader> {
  const seeds = [Buffer.from(JSON.stringify(projectFile())), Buffer.from('["\\\\", "\\"[", {"a": [1, 2]}]')];
  return {
    name: 'json',
    make: (random) => mutateBytes(random, seeds, WORDS).toString('utf8'),
    read(text) {
      const parse = (how: (given: string) => unknown) => {
        try {
          return JSON.stringify(how(text as string));
        } catch (error) {
          if (error instanceof SyntaxError) return null;
          throw error;
        }
      };
      const ours = parse(parseJson);
      ensure(ours === null || ours === parse(JSON.parse), 'the value is another than JSON.parse gives');
    },
  };
}
