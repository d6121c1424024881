import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repairProject } from '../../src/pipeline/integrity/repairProject.js';
import { verifyProject } from '../../src/pipeline/integrity/verifyProject.js';
import { runPipeline } from '../../src/pipeline/runPipeline.js';
import { createProject, openProject, parseConfig } from '../../src/project/project.js';
import { lockProject } from '../../src/project/projectLock.js';
import { writeProjectReport } from '../../src/report/projectReport.js';
import { listCheckpoints } from '../../src/training/checkpointFolders.js';
import { makeImageFolder } from '../cli/runCli.js';
import { TINY } from '../pipeline/stageContext.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
let finished: string;
const run = async (folder: string) =>
  runPipeline(await openProject(folder), { emit: () => undefined, signal: new AbortController().signal });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-verify-'));
  finished = join(root, 'finished');
  const pictures = await makeImageFolder(join(root, 'pictures'), 40);
  const config = parseConfig({
    ...TINY,
    data: { source: 'images', path: pictures, size: 8, channels: 1 },
    base: { ...TINY.base, sampleEvery: 3 },
  });
  const project = await createProject(finished, { name: 'p', preset: null, config });
  await run(finished);
  await writeProjectReport(project);
}, 600_000);
afterAll(() => removeFolder(root));

async function copy(name: string): Promise<string> {
  const folder = join(root, name);
  await cp(finished, folder, { recursive: true });
  return folder;
}

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1] ^= 1;
  await writeFile(path, bytes);
}

const newest = async (folder: string, stage: string) => (await listCheckpoints(join(folder, 'stages', stage)))[0];
const sample = 'stages/evaluation/samples/adaptive-seed0/0000000.npz';
const reportOf = async (folder: string) => join('reports', (await readdir(join(folder, 'reports')))[0]);

interface Damage {
  readonly make: (folder: string) => Promise<void>;
  /** Path and problem of the finding that it must lead to. */
  readonly path: RegExp;
  readonly problem: RegExp;
  /** Stages to be computed again in part. */
  readonly stages: readonly string[];
}

const DAMAGES: Readonly<Record<string, Damage>> = {
  'a flipped bit in a tensor of the newest checkpoint': {
    make: async (folder) => flipByte(join(await newest(folder, 'base'), 'second-moment.safetensors')),
    path: /^stages\/base\/checkpoints\/step-00000006$/,
    problem: /second-moment.safetensors does not match its hash/,
    stages: ['base'],
  },
  'a missing file of an older checkpoint': {
    make: async (folder) => rm(join((await listCheckpoints(join(folder, 'stages/base')))[1], 'raw.safetensors')),
    path: /^stages\/base\/checkpoints\/step-00000003$/,
    problem: /raw.safetensors is missing/,
    stages: [],
  },
  'a pointer to nowhere': {
    make: (folder) => writeFile(join(folder, 'stages/uniform/latest'), 'checkpoints/step-99999999\n'),
    path: /^stages\/uniform\/latest$/,
    problem: /names checkpoints\/step-99999999/,
    stages: [],
  },
  'a damaged record of a stage with checkpoints': {
    make: (folder) => writeFile(join(folder, 'stages/experts/0/stage.json'), '{"format":'),
    path: /^stages\/experts\/0\/stage.json$/,
    problem: /is not readable/,
    stages: ['experts/0'],
  },
  'a lost record of a stage without checkpoints': {
    make: (folder) => rm(join(folder, 'stages/grouping/stage.json')),
    path: /^stages\/grouping\/stage.json$/,
    problem: /is missing/,
    stages: ['grouping'],
  },
  'changed samples': {
    make: (folder) => flipByte(join(folder, sample)),
    path: /^stages\/evaluation\/samples\/adaptive-seed0\/0000000.npz$/,
    problem: /does not match its hash/,
    stages: ['evaluation'],
  },
  'a changed decision of the pruning': {
    make: async (folder) => {
      const path = join(folder, 'stages/experts/1/pruning.json');
      await writeFile(path, (await readFile(path, 'utf8')).replace('"effective": 0.', '"effective": 1.'));
    },
    path: /^stages\/experts\/1\/pruning.json$/,
    problem: /does not match its hash/,
    stages: ['experts/1'],
  },
  'a damaged round of a search': {
    make: async (folder) => {
      const path = join(folder, 'stages/experts/1/memory.jsonl');
      await writeFile(path, (await readFile(path, 'utf8')).replace('"round":1', '"round":7'));
    },
    path: /^stages\/experts\/1\/memory.jsonl$/,
    problem: /line 2 of 2 is not readable/,
    stages: [],
  },
  'a torn line of metrics': {
    make: (folder) => appendFile(join(folder, 'stages/experts/0/metrics.jsonl'), '{"step":'),
    path: /^stages\/experts\/0\/metrics.jsonl$/,
    problem: /torn/,
    stages: [],
  },
  'a changed table of a report': {
    make: async (folder) => appendFile(join(folder, await reportOf(folder), 'comparison.csv'), ' '),
    path: /^reports\//,
    problem: /comparison.csv is changed/,
    stages: [],
  },
  'a damaged record of a job': {
    make: async (folder) => {
      await mkdir(join(folder, 'jobs'));
      await writeFile(join(folder, 'jobs', '20260101-aaaaaaaa.json'), '{}');
    },
    path: /^jobs\/20260101-aaaaaaaa.json$/,
    problem: /is not readable/,
    stages: [],
  },
  'files that a crash left': {
    make: async (folder) => {
      await writeFile(join(folder, 'stages/base/latest.77-1.tmp'), 'half');
      await mkdir(join(folder, 'stages/base/checkpoints/.writing-step-00000009'));
    },
    path: /^stages\/base\/latest.77-1.tmp$/,
    problem: /cut off/,
    stages: [],
  },
};

/** Every file, by path and content. */
async function contents(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (path) => `${path} ${(await readFile(path)).toString('base64')}`));
}

it('a report that a kill cut off just before it got its name counts as none', async () => {
  const folder = await copy('cut-off report');
  const whole = join(folder, await reportOf(folder));
  const names = await readdir(whole);
  await rename(whole, join(dirname(whole), `.writing-${basename(whole)}`));
  const { path } = await writeProjectReport(await openProject(folder));
  expect(path).not.toContain('.writing');
  expect(await readdir(dirname(path))).toEqual(names);
  // A whole one is not written twice.
  expect((await writeProjectReport(await openProject(folder))).path).toBe(path);
});

describe('verify', () => {
  it('finds nothing in a finished project and reads every stage', async () => {
    const found = await verifyProject(await openProject(finished));
    expect(found.findings).toEqual([]);
    expect(found.intact).toBe(true);
    expect(found.stages.map(({ state }) => state)).toEqual(found.stages.map(() => 'intact'));
    expect(found.stages.find(({ id }) => id === 'base')!.checked).toBeGreaterThan(4);
  });

  it.each(Object.entries(DAMAGES))('names %s, changes nothing, and repair sees to it', async (name, damage) => {
    const folder = await copy(name);
    await damage.make(folder);
    const before = await contents(folder);
    const project = await openProject(folder);
    const { findings, intact, stages } = await verifyProject(project);
    expect(await contents(folder)).toEqual(before);
    const finding = findings.find(({ path }) => damage.path.test(path));
    expect(finding?.problem).toMatch(damage.problem);
    expect(finding?.effect).not.toBe('');
    expect(intact).toBe(finding!.kind === 'leftover');
    // What is not touched by the damage is not suspected.
    expect(stages.filter(({ state }) => state === 'to repair').map(({ id }) => id)).toEqual(damage.stages);

    const repair = await repairProject(project);
    expect(repair.stages).toEqual(damage.stages);
    expect(repair.after.findings).toEqual([]);
    expect((await repairProject(project)).actions).toEqual([]);
  });

  it('does not look at what a run is writing', async () => {
    const project = await openProject(await copy('locked'));
    const release = await lockProject(project);
    try {
      await expect(verifyProject(project)).rejects.toMatchObject({ code: 'PROJECT_LOCKED' });
      await expect(repairProject(project)).rejects.toMatchObject({ code: 'PROJECT_LOCKED' });
    } finally {
      await release();
    }
  });
});

it(
  'after all damages together and a repair, a run gives the same results, and nothing was deleted',
  { timeout: 600_000 },
  async () => {
    const folder = await copy('everything');
    for (const { make } of Object.values(DAMAGES)) await make(folder);
    const damaged = await readFile(join(folder, sample));
    const repair = await repairProject(await openProject(folder));
    expect(repair.after.intact).toBe(true);
    expect(await readFile(join(folder, repair.setAside!, sample))).toEqual(damaged);
    expect(await readdir(join(folder, repair.setAside!, 'stages/base/checkpoints'))).toEqual([
      'step-00000003',
      'step-00000006',
    ]);
    await run(folder);
    const { findings, intact } = await verifyProject(await openProject(folder));
    expect([intact, findings]).toEqual([true, []]);
    for (const stage of ['base', 'experts/0', 'experts/1', 'uniform']) {
      const [again, first] = await Promise.all([folder, finished].map((place) => newest(place, stage)));
      const file = 'unet/diffusion_pytorch_model.safetensors';
      expect(await readFile(join(again, file))).toEqual(await readFile(join(first, file)));
    }
    const measured = async (place: string) =>
      JSON.parse(await readFile(join(place, 'stages/evaluation/evaluation.json'), 'utf8'), (key, value: unknown) =>
        key === 'secondsPerImage' ? 0 : value,
      ) as unknown;
    expect(await measured(folder)).toEqual(await measured(finished));
  },
);
