import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProject, openProject, parseConfig, saveConfig } from '../../src/project/project.js';
import { lockProject } from '../../src/project/projectLock.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-project-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('project file', () => {
  it('opens by folder and by file, with the same content', async () => {
    const made = await createProject(join(root, 'first run'), { preset: null, config: parseConfig({ seed: 7 }) });
    expect(made.path).toBe(join(root, 'first run', 'first run.stepadapt'));
    expect((await openProject(made.folder)).file).toEqual(made.file);
    expect((await openProject(made.path)).file.config.seed).toBe(7);
  });

  it('refuses to replace an existing project', async () => {
    const made = await createProject(join(root, 'a'), { preset: null, config: parseConfig({ seed: 1 }) });
    await expect(createProject(join(root, 'a'), { preset: null, config: parseConfig({}) })).rejects.toMatchObject({
      code: 'PROJECT_EXISTS',
      kind: 'input',
    });
    expect((await openProject(made.path)).file.config.seed).toBe(1);
  });

  it('refuses a newer format and leaves the file as it was', async () => {
    const made = await createProject(join(root, 'a'), { preset: null, config: parseConfig({}) });
    const newer = JSON.stringify({ ...made.file, version: 99, future: true });
    await writeFile(made.path, newer);
    await expect(openProject(made.path)).rejects.toMatchObject({ code: 'PROJECT_NEWER', kind: 'input' });
    expect(await readFile(made.path, 'utf8')).toBe(newer);
  });

  it.each([
    ['half-written JSON', '{"format":"stepadapt-project","vers'],
    ['another kind of file', '{"format":"something"}'],
  ])('refuses %s', async (_name, text) => {
    const path = join(root, 'x.stepadapt');
    await writeFile(path, text);
    await expect(openProject(path)).rejects.toMatchObject({ code: 'PROJECT_CORRUPT' });
  });

  it('names a missing project, an empty folder and an ambiguous one', async () => {
    await expect(openProject(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
    await expect(openProject(root)).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
    await writeFile(join(root, 'a.stepadapt'), '{}');
    await writeFile(join(root, 'b.stepadapt'), '{}');
    await expect(openProject(root)).rejects.toMatchObject({ code: 'PROJECT_AMBIGUOUS' });
  });

  it.each(['../up', '.hidden', 'a/b', ''])('refuses the name %j', async (name) => {
    await expect(createProject(join(root, 'p'), { name, preset: null, config: parseConfig({}) })).rejects.toMatchObject(
      { code: 'PROJECT_NAME_INVALID' },
    );
  });

  it('saves another experiment', async () => {
    const made = await createProject(join(root, 'a'), { preset: null, config: parseConfig({}) });
    await saveConfig(made, parseConfig({ grouping: { groups: 3 } }));
    expect((await openProject(made.path)).file.config.grouping.groups).toBe(3);
  });
});

describe('config', () => {
  it('names every unknown and every out-of-range field', () => {
    const bad = () => parseConfig({ base: { steps: -1, stepz: 3 }, budget: { k: 2 } });
    expect(bad).toThrow(/base\.steps/);
    expect(bad).toThrow(/stepz/);
    expect(bad).toThrow(/budget\.k/);
    expect(bad).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', kind: 'input' }));
  });
});

describe('project lock', () => {
  it('lets one writer in, and the next one after it', async () => {
    const made = await createProject(join(root, 'a'), { preset: null, config: parseConfig({}) });
    const release = await lockProject(made);
    await expect(lockProject(made)).rejects.toMatchObject({ code: 'PROJECT_LOCKED' });
    await release();
    await (
      await lockProject(made)
    )();
  });

  it('is free at once when its owner was killed', async () => {
    const made = await createProject(join(root, 'a'), { preset: null, config: parseConfig({}) });
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    await lockProject(made);
    await writeFile(`${made.path}.owner`, JSON.stringify({ pid: dead, host: hostname() }));
    await (
      await lockProject(made)
    )();
  });

  it('is free when its owner was killed before it could say who it is', async () => {
    const made = await createProject(join(root, 'a'), { preset: null, config: parseConfig({}) });
    await lockProject(made);
    await rm(`${made.path}.owner`);
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(`${made.path}.lock`, longAgo, longAgo);
    await (
      await lockProject(made)
    )();
  });
});
