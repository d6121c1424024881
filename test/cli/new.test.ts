import { mkdtemp, readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImageFolder, runCli, tinyExperiment } from './runCli.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
const at = (name: string) => join(root, name);
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-new-'));
  const images = await makeImageFolder(at('images'), 12);
  const made = await runCli(['new', at('first'), '--name', 'First of all', ...tinyExperiment(images)]);
  expect(made).toMatchObject({ code: 0 });
});
afterAll(() => removeFolder(root));

interface ProjectFile {
  name: string;
  config: { base: { steps: number } };
}
const projectIn = async (folder: string) => {
  const name = (await readdir(folder)).find((file) => file.endsWith('.stepadapt'))!;
  return JSON.parse(await readFile(join(folder, name), 'utf8')) as ProjectFile;
};

describe('new --from', () => {
  it('takes the whole config of a project under a new name, and changes what --set says', async () => {
    const first = await projectIn(at('first'));
    expect(first.name).toBe('First of all');
    expect((await runCli(['new', at('same'), '--from', at('first')])).code).toBe(0);
    const same = await projectIn(at('same'));
    expect(same).toMatchObject({ name: 'same', config: first.config });
    const changed = await runCli(['new', at('longer'), '--from', at('first'), '--set', 'base.steps=9', '--json']);
    const expected = { ...first.config, base: { ...first.config.base, steps: 9 } };
    expect((JSON.parse(changed.stdout) as ProjectFile).config).toEqual(expected);
    expect((await projectIn(at('longer'))).config).toEqual(expected);
    expect(await projectIn(at('first'))).toEqual(first);
  });

  it('refuses an origin that is not there and a setting that does not fit, and leaves no folder', async () => {
    const missing = await runCli(['new', at('none'), '--from', at('nowhere')]);
    expect(missing).toMatchObject({ code: 2 });
    expect(missing.stderr).toContain('PROJECT_NOT_FOUND');
    const misfit = await runCli(['new', at('none'), '--from', at('first'), '--set', 'grouping.groups=51']);
    expect(misfit).toMatchObject({ code: 2 });
    expect(misfit.stderr).toContain('GROUPS_EXCEED_TIMESTEPS');
    expect(await readdir(root)).not.toContain('none');
  });
});
