import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImageFolder, runCli, tinyExperiment } from '../cli/runCli.js';
import { removeFolder } from '../removeFolder.js';

/** A real small file system; needs Linux and the right to mount. */
function mountSmall(folder: string, kilobytes: number, remount = false): boolean {
  try {
    const options = `${remount ? 'remount,' : ''}size=${kilobytes}k`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const root = mkdtempSync(join(tmpdir(), 'stepadapt-full-'));
const disk = join(root, 'disk');
await mkdir(disk);
const mounted = mountSmall(disk, 600);
if (!mounted) console.warn('skipped: this system does not let the tests mount a small file system');

describe.skipIf(!mounted)('a full disk', () => {
  beforeAll(() => makeImageFolder(join(root, 'images'), 20));
  afterAll(async () => {
    execFileSync('umount', [disk]);
    await removeFolder(root);
  });

  it(
    'stops the run with a clear message, harms nothing, and the run goes on when there is space',
    { timeout: 600_000 },
    async () => {
      const project = join(disk, 'p');
      const made = await runCli(['new', project, ...tinyExperiment(join(root, 'images'), { 'base.steps': 4 })]);
      expect(made.code, made.stderr).toBe(0);
      const file = await readFile(join(project, 'p.stepadapt'), 'utf8');
      const full = await runCli(['run', project, '--json']);
      expect(full.code).toBe(1);
      const { error } = JSON.parse(full.stdout.trim().split('\n').at(-1)!) as { error: { code: string; hint: string } };
      expect(error).toMatchObject({ code: 'DISK_FULL', hint: expect.stringContaining('free some space') });
      expect(await readFile(join(project, 'p.stepadapt'), 'utf8')).toBe(file);

      expect(mountSmall(disk, 60_000, true)).toBe(true);
      const resumed = await runCli(['run', project, '--json']);
      expect(resumed.code, resumed.stdout.slice(-600)).toBe(0);
    },
  );
});
