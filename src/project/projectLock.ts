import { readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import lockfile from 'proper-lockfile';
import { failure } from '../contract/errors.js';
import { writeJsonAtomic } from './atomicFile.js';
import { refuseOutsideLinks } from './links.js';
import type { Project } from './project.js';

const ownerSchema = z.object({ pid: z.number().int().positive(), host: z.string() });

/** One engine call may hold the event loop for half a minute, so the heartbeat of the lock must be allowed to pause. */
const STALE_MS = 120_000;
/** Who holds the place touches it this often. */
const UPDATE_MS = 10_000;
/** Who took the place and has neither said so nor touched it for this long was cut off in between. */
const SILENT_MS = 12_000;

/**
 * Takes the single writer's place of a project. After a crash of its owner on this machine the place is free at once, on
 * another machine (a shared disk) after two minutes.
 * @returns a function that gives the place back
 * @throws `PROJECT_LOCKED` when another process writes to it, `LINK_OUTSIDE`
 */
export async function lockProject(project: Project): Promise<() => Promise<void>> {
  await refuseOutsideLinks(project.folder);
  const release = await takePlace(project.path);
  if (release !== null) return release;
  throw failure(
    'PROJECT_LOCKED',
    `${project.path} is in use by another run`,
    'wait for it to end or stop it, then run the same command again',
  );
}

/**
 * Takes the place of the one process that may write to a file or folder; `PATH.lock` and `PATH.owner` say so.
 * @returns a function that gives the place back; null while another process has it
 */
export async function takePlace(path: string): Promise<(() => Promise<void>) | null> {
  const ownerPath = `${path}.owner`;
  const take = () =>
    lockfile.lock(path, { stale: STALE_MS, update: UPDATE_MS, realpath: false, onCompromised: () => undefined });
  let release: () => Promise<void>;
  try {
    release = await take();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ELOCKED') throw cause;
    if (!(await ownerIsGone(path, { mayWait: true }))) return null;
    await rm(ownerPath, { force: true });
    await rm(`${path}.lock`, { recursive: true, force: true });
    release = await take();
  }
  try {
    await writeJsonAtomic(ownerPath, { pid: process.pid, host: hostname() });
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
  return async () => {
    // On a disk that is gone or read-only nothing can be removed; the place is free all the same once this process has ended.
    await rm(ownerPath, { force: true }).catch(() => undefined);
    await release().catch(() => undefined);
  };
}

/** Whether the recorded owner ran on this machine and its process has ended, or ended before it could be recorded. */
async function ownerIsGone(path: string, options: { mayWait: boolean }): Promise<boolean> {
  const owner = await readOwner(path, options);
  if (owner === 'nobody') return true;
  if (owner === 'unknown') return false;
  if (owner.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** The owner; `nobody` when the place was taken without one, which takes a moment to be sure of. */
async function readOwner(
  path: string,
  { mayWait }: { mayWait: boolean },
): Promise<z.output<typeof ownerSchema> | 'nobody' | 'unknown'> {
  for (;;) {
    try {
      return ownerSchema.parse(JSON.parse(await readFile(`${path}.owner`, 'utf8')));
    } catch {
      const held = await stat(`${path}.lock`).catch(() => null);
      if (held === null || Date.now() - held.mtimeMs > SILENT_MS) return 'nobody';
      if (!mayWait) return 'unknown';
      await sleep(250);
    }
  }
}

/** Whether a run is writing to the project now. */
export async function isProjectLocked(project: Project): Promise<boolean> {
  const held = await lockfile.check(project.path, { stale: STALE_MS, realpath: false });
  return held && !(await ownerIsGone(project.path, { mayWait: false }));
}
