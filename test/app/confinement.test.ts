import { mkdir, mkdtemp, realpath, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import { confineConfig, confinePath } from '../../src/app/confinement.js';
import { isInside } from '../../src/project/links.js';
import { removeFolder } from '../removeFolder.js';

let folder: string;
let root: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'stepadapt-confine-')));
  root = join(folder, 'root');
  await mkdir(join(root, 'inner'), { recursive: true });
  await mkdir(join(folder, 'root-other'));
  await symlink(folder, join(root, 'way-out'));
  await symlink(join(root, 'inner'), join(folder, 'way-in'));
});
afterAll(() => removeFolder(folder));

it('lets through what lies in a root, by any way', async () => {
  expect(await confinePath(root, [root])).toBe(root);
  expect(await confinePath('inner/new/thing', [root])).toBe(join(root, 'inner/new/thing'));
  expect(await confinePath(join(folder, 'way-in'), [root])).toBe(join(root, 'inner'));
  expect(await confinePath(join(folder, 'root-other'), null)).toBe(join(folder, 'root-other'));
});

it.each(['..', '../root-other', 'way-out', 'way-out/new', '/', '/etc/passwd', 'inner/../../root-other'])(
  'refuses %s',
  async (path) => {
    await expect(confinePath(path, [root])).rejects.toMatchObject({ code: 'PATH_OUTSIDE_ROOTS' });
  },
);

it('compares folders by their parts', () => {
  expect(isInside('/a/b', '/a/b')).toBe(true);
  expect(isInside('/a/b', '/a/b/..c')).toBe(true);
  expect(isInside('/a/b', '/a/bc')).toBe(false);
  expect(isInside('/a/b', '/a')).toBe(false);
});

it('a config cannot make a confined host read elsewhere', async () => {
  const data = (path: string) => configSchema.parse({ data: { source: 'images', path } });
  const transcript = configSchema.parse({ pruning: { proposerTranscript: '/etc/passwd' } });
  await expect(confineConfig(data('/etc'), [root])).rejects.toMatchObject({ code: 'PATH_OUTSIDE_ROOTS' });
  await expect(confineConfig(transcript, [root])).rejects.toMatchObject({ code: 'PATH_OUTSIDE_ROOTS' });
  await confineConfig(data(join(root, 'inner')), [root]);
  await confineConfig(data('/etc'), null);
});
