import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../build/setup/lock.mjs';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-lock-'));
  path = join(folder, 'inner', 'setup.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const unexpectedWait = (holder: string) => {
  throw new Error(`waited for ${holder}`);
};

/** Leaves a lock behind as another process would. */
async function plantLock(holder: string) {
  await withLock(path, () => Promise.resolve(), unexpectedWait);
  writeFileSync(path, holder);
}

describe('withLock', () => {
  it('never lets two works overlap, and returns what each returned', async () => {
    let inside = 0;
    let most = 0;
    const work = (result: number) => async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside -= 1;
      return result;
    };
    const results = await Promise.all([1, 2, 3].map((index) => withLock(path, work(index), () => undefined)));
    expect(results).toEqual([1, 2, 3]);
    expect(most).toBe(1);
  });

  it('releases the lock when the work fails', async () => {
    await expect(withLock(path, () => Promise.reject(new Error('broken')), unexpectedWait)).rejects.toThrow('broken');
    expect(existsSync(path)).toBe(false);
  });

  it('takes over from a process that died', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    await plantLock(`${pid} ${hostname()}`);
    await expect(
      withLock(
        path,
        () => Promise.resolve('done'),
        () => undefined,
      ),
    ).resolves.toBe('done');
    expect(existsSync(path)).toBe(false);
  });

  it('takes over from another machine that stopped refreshing the lock', async () => {
    await plantLock('1 another-machine');
    const old = new Date(Date.now() - 120_000);
    utimesSync(path, old, old);
    await expect(
      withLock(
        path,
        () => Promise.resolve('done'),
        () => undefined,
      ),
    ).resolves.toBe('done');
  });

  it('waits for another machine that is at work and says for whom', async () => {
    await plantLock('1 another-machine');
    const waited: string[] = [];
    const locked = withLock(
      path,
      () => Promise.resolve('done'),
      (holder) => {
        waited.push(holder);
        rmSync(path);
      },
    );
    await expect(locked).resolves.toBe('done');
    expect(waited).toEqual(['1 another-machine']);
  });
});
