// One set-up at a time: a lock file that names its holder, is kept fresh while held, and is taken over when its holder died.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const REFRESH_MS = 5_000;
const STALE_MS = 60_000;
const POLL_MS = 250;

/**
 * Runs `work` while holding the lock at `path`; waits while another process holds it.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {(holder: string) => void} onWait called once if the lock is taken
 * @returns {Promise<T>}
 */
export async function withLock(path, work, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  const self = `${process.pid} ${hostname()}`;
  let told = false;
  while (!tryTake(path, self)) {
    if (!told) onWait(readHolder(path) ?? 'another process');
    told = true;
    await sleep(POLL_MS);
  }
  const refresh = setInterval(() => touch(path), REFRESH_MS);
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    if (readHolder(path) === self) rmSync(path, { force: true });
  }
}

/** @type {(path: string, self: string) => boolean} */
function tryTake(path, self) {
  try {
    writeFileSync(path, self, { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
  const holder = readHolder(path);
  if (holder === null || !isStale(path, holder)) return false;
  // Renaming settles which of several waiting processes removes the dead lock; a lock taken in between is put back.
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (readHolder(aside) === holder) rmSync(aside);
    else renameSync(aside, path);
  } catch {
    return false; // Another process was quicker.
  }
  return tryTake(path, self);
}

/** @type {(path: string) => string | null} */
function readHolder(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** @type {(path: string, holder: string) => boolean} */
function isStale(path, holder) {
  const [pid, host] = holder.split(' ');
  if (host === hostname() && !isAlive(Number(pid))) return true;
  try {
    return Date.now() - statSync(path).mtimeMs > STALE_MS;
  } catch {
    return false;
  }
}

/** @type {(pid: number) => boolean} */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** @type {(path: string) => void} */
function touch(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // The folder was removed under us; the work itself will say so.
  }
}
