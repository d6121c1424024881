import { cp, mkdtemp, readdir, readFile, rename, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImageFolder, runCli, tinyExperiment } from '../cli/runCli.js';
import { removeFolder } from '../removeFolder.js';

/** A project whose disk becomes read-only, or whose folder goes away, while a run writes to it. */
let root: string;
let fresh: string;
let expected: Record<string, string>;
let operations: number;
const run = (folder: string, options: Parameters<typeof runCli>[1] = {}) =>
  runCli(['run', folder, '--until', 'base', '--json'], options);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-lost-'));
  fresh = join(root, 'fresh');
  const images = await makeImageFolder(join(root, 'images'), 20);
  expect((await runCli(['new', fresh, '--name', 'p', ...tinyExperiment(images)])).code).toBe(0);
  const straight = await copy('straight');
  const countTo = join(root, 'operations');
  expect((await run(straight, { faults: { countTo } })).code).toBe(0);
  operations = Number(await readFile(countTo, 'utf8'));
  expected = await trained(straight);
});
afterAll(() => removeFolder(root));

async function copy(name: string): Promise<string> {
  const folder = join(root, name);
  await cp(fresh, folder, { recursive: true });
  return folder;
}

/** What the training leaves, byte for byte: checkpoints, metrics, samples. */
async function trained(folder: string): Promise<Record<string, string>> {
  const base = join(folder, 'stages', 'base');
  const names = (await readdir(base, { recursive: true })).filter(
    (name) => !/(stage|files)\.json$|clock\.jsonl$/.test(name),
  );
  const files = await Promise.all(
    names.map(async (name) => [name, await readFile(join(base, name), 'latin1').catch(() => 'a folder')] as const),
  );
  return Object.fromEntries(files);
}

const errorOf = ({ stdout }: { stdout: string }) =>
  (JSON.parse(stdout.trim().split('\n').at(-1)!) as { error: { code: string; message: string; hint: string } }).error;

describe('a disk that is read-only', () => {
  it('from the beginning: refused in words, and nothing is written', async () => {
    const folder = await copy('read-only');
    const before = await readdir(folder);
    const refused = await run(folder, { faults: { readOnlyFrom: 1 } });
    expect(refused.code).toBe(1);
    expect(errorOf(refused)).toMatchObject({ code: 'NOT_WRITABLE', hint: expect.stringContaining('permissions') });
    expect(await readdir(folder)).toEqual(before);
  });

  it.each([0.3, 0.6, 0.9])(
    'from %d of the operations on: the run rests and ends with the same bytes',
    async (share) => {
      const folder = await copy(`read-only-${share}`);
      const stopped = await run(folder, { faults: { readOnlyFrom: Math.floor(share * operations) } });
      expect(stopped.code).toBe(1);
      expect(errorOf(stopped)).toMatchObject({ code: 'NOT_WRITABLE' });
      const { intact, findings } = JSON.parse((await runCli(['verify', folder, '--json'])).stdout) as {
        intact: boolean;
        findings: unknown[];
      };
      expect(intact, JSON.stringify(findings)).toBe(true);
      expect((await run(folder)).code).toBe(0);
      expect(await trained(folder)).toEqual(expected);
    },
  );
});

describe('a project folder that goes away in mid-run', () => {
  it('ends the run in words, nothing is written into its place, and the run goes on when it is back', async () => {
    const folder = await copy('gone');
    const away = join(root, 'away');
    let moved: Promise<void> | undefined;
    const stopped = await run(folder, {
      onOutput(text) {
        if (text.includes('"type":"metric"')) moved ??= rename(folder, away);
      },
    });
    await moved;
    expect(stopped.code).toBe(1);
    const { code, hint } = errorOf(stopped);
    expect(code).toBe('PROJECT_GONE');
    expect(hint.length).toBeGreaterThan(10);
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });

    await rename(away, folder);
    expect((await run(folder)).code).toBe(0);
    expect(await trained(folder)).toEqual(expected);
  });
});
