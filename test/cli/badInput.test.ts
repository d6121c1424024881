import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProject } from '../../src/project/project.js';
import { lockProject } from '../../src/project/projectLock.js';
import { makeImageFolder, runCli, tinyExperiment } from './runCli.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-bad-'));
  await makeImageFolder(join(root, 'images'), 12);
});
afterAll(() => removeFolder(root));

/** Runs a command that must be refused; the error is one JSON document with code, message and hint. */
async function refused(
  args: readonly string[],
): Promise<{ code: string; message: string; hint: string; exit: number | null }> {
  const result = await runCli([...args, '--json'], { cwd: root });
  const { error } = JSON.parse(result.stdout.trim().split('\n').at(-1)!) as {
    error: { code: string; message: string; hint: string };
  };
  expect(error.hint.length).toBeGreaterThan(5);
  return { ...error, exit: result.code };
}

const fresh = (settings: Record<string, unknown>) => ['new', 'p', ...tinyExperiment(join(root, 'images'), settings)];

describe('a config that cannot be', () => {
  it.each([
    ['an unknown field', { 'base.stepz': 3 }, 'CONFIG_INVALID', /stepz/],
    ['a value out of range', { 'base.learningRate': -1 }, 'CONFIG_INVALID', /base\.learningRate/],
    ['a word for a number', { 'base.steps': 'many' }, 'CONFIG_INVALID', /base\.steps/],
    ['more groups than timesteps', { 'grouping.groups': 51 }, 'GROUPS_EXCEED_TIMESTEPS', /51/],
    ['a budget out of reach, with what is reachable', { 'budget.targetMean': 0.2 }, 'BUDGET_UNREACHABLE', /0\.\d{2,4}/],
    [
      'a budget below the smallest network',
      { 'budget.k': 0.01, 'pruning.minimumKeep': 0.9 },
      'BUDGET_UNREACHABLE',
      /0\.\d+/,
    ],
    ['more sampler steps than timesteps', { 'sampling.steps': 51 }, 'STEPS_EXCEED_TIMESTEPS', /51/],
  ])('%s', async (_name, settings, code, message) => {
    const error = await refused(fresh(settings));
    expect(error).toMatchObject({ code, exit: 2 });
    expect(error.message).toMatch(message);
    expect(await readdir(root)).not.toContain('p');
  });
});

describe('data that cannot be read', () => {
  it.each<[string, () => Promise<Record<string, unknown>>, string]>([
    ['a missing folder', async () => ({ 'data.path': join(root, 'nowhere') }), 'DATA_NOT_FOUND'],
    [
      'a folder without images',
      async () => {
        await mkdir(join(root, 'empty'), { recursive: true });
        await writeFile(join(root, 'empty', 'notes.txt'), 'no picture');
        return { 'data.path': join(root, 'empty') };
      },
      'DATA_NO_IMAGES',
    ],
    [
      'an IDX file with a wrong magic number',
      async () => {
        await writeFile(join(root, 'train-images-idx3-ubyte'), Buffer.from('not an idx file at all'));
        await writeFile(join(root, 'train-labels-idx1-ubyte'), Buffer.from('not an idx file at all'));
        return { 'data.source': 'idx', 'data.path': join(root, 'train-images-idx3-ubyte') };
      },
      'DATA_WRONG_MAGIC',
    ],
  ])('%s', async (name, settings, code) => {
    const project = join(root, name);
    const made = await runCli(['new', project, ...tinyExperiment(join(root, 'images'), await settings())]);
    expect(made.code).toBe(0);
    const before = await readFile(join(project, `${name}.stepadapt`), 'utf8');
    expect(await refused(['run', project])).toMatchObject({ code, exit: 2 });
    expect(await readFile(join(project, `${name}.stepadapt`), 'utf8')).toBe(before);
  });

  it('a truncated CIFAR-10 file', async () => {
    const folder = join(root, 'cifar');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'data_batch_1.bin'), Buffer.alloc(3073 * 2 + 5));
    const project = join(root, 'cifar project');
    await runCli(['new', project, ...tinyExperiment(folder, { 'data.source': 'cifar10' })]);
    expect(await refused(['run', project])).toMatchObject({ code: 'DATA_TRUNCATED', exit: 2 });
  });

  it('other images than the project was computed from', async () => {
    const images = await makeImageFolder(join(root, 'changing'), 12);
    const project = join(root, 'changed');
    await runCli(['new', project, ...tinyExperiment(images)]);
    expect((await runCli(['run', project, '--until', 'grouping'])).code).toBe(0);
    await rm(join(images, '000.png'));
    expect(await refused(['run', project])).toMatchObject({ code: 'DATA_CHANGED', exit: 1 });
  });
});

describe('projects and arguments', () => {
  it('a project of a newer version stays as it is', async () => {
    const path = join(root, 'newer.stepadapt');
    const text = JSON.stringify({ format: 'stepadapt-project', version: 7, anything: 1 });
    await writeFile(path, text);
    expect(await refused(['run', path])).toMatchObject({ code: 'PROJECT_NEWER', exit: 2 });
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it.each([
    [['run', 'nowhere'], 'PROJECT_NOT_FOUND'],
    [['new', 'q', '--preset', 'none'], 'PRESET_UNKNOWN'],
    [['new', 'q', '--set', 'base.steps'], 'BAD_SETTING'],
    [['run'], 'BAD_USAGE'],
    [['fly'], 'BAD_USAGE'],
    [['group', '--groups', '0'], 'BAD_OPTION'],
    [['count'], 'BAD_USAGE'],
    [['predict', '--model', 'nowhere', '--input', 'x.npz', '--out', 'y.npz'], 'MODEL_NOT_FOUND'],
  ])('%j', async (args, code) => {
    expect(await refused(args)).toMatchObject({ code, exit: 2 });
  });

  it.each(['.', '..', '../elsewhere', '/tmp/elsewhere', 'a/../..'])(
    'a sweep that would write into %s, which is not below its file',
    async (folder) => {
      const file = join(root, 'sweeps', 'mine.json');
      await mkdir(join(root, 'sweeps'), { recursive: true });
      await writeFile(file, JSON.stringify({ base: 'shapes-tiny', vary: { seed: [0, 1] }, folder }));
      const error = await refused(['sweep', file]);
      expect(error).toMatchObject({ code: 'SWEEP_FOLDER_OUTSIDE', exit: 2 });
      expect(error.hint).toContain('--folder');
      expect(await readdir(join(root, 'sweeps'))).toEqual(['mine.json']);
    },
  );

  it.each([
    [['--set', 'grouping.groups=51'], 'GROUPS_EXCEED_TIMESTEPS'],
    [['--set', 'budget.targetMean=0.2'], 'BUDGET_UNREACHABLE'],
    [['--set', 'base.steps=9', '--until', 'dessert'], 'STAGE_UNKNOWN'],
    [['--set', 'base.steps=none'], 'CONFIG_INVALID'],
  ])('run %j leaves the experiment as it was', async (args, code) => {
    const project = join(root, 'unchanged');
    const path = join(project, 'unchanged.stepadapt');
    await runCli(['new', project, ...tinyExperiment(join(root, 'images'))]);
    const before = await readFile(path, 'utf8');
    expect(await refused(['run', project, ...args])).toMatchObject({ code, exit: 2 });
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('run --set beside another run leaves the experiment as it was', async () => {
    const project = join(root, 'busy');
    const path = join(project, 'busy.stepadapt');
    await runCli(['new', project, ...tinyExperiment(join(root, 'images'))]);
    const before = await readFile(path, 'utf8');
    const release = await lockProject(await openProject(project));
    try {
      expect(await refused(['run', project, '--set', 'base.steps=9'])).toMatchObject({
        code: 'PROJECT_LOCKED',
        exit: 1,
      });
      expect(await readFile(path, 'utf8')).toBe(before);
    } finally {
      await release();
    }
  });

  it('an unknown stage is answered with the known ones', async () => {
    const project = join(root, 'stages');
    await runCli(['new', project, ...tinyExperiment(join(root, 'images'))]);
    const error = await refused(['run', project, '--until', 'dessert']);
    expect(error).toMatchObject({ code: 'STAGE_UNKNOWN', exit: 2 });
    expect(error.hint).toContain('experts/1');
    expect(await refused(['run', project, '--only', 'experts'])).toMatchObject({ code: 'STAGE_NOT_READY', exit: 2 });
    expect(await refused(['report', project])).toMatchObject({ code: 'NOT_EVALUATED', exit: 1 });
  });
});
