import { readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import lockfile from 'proper-lockfile';
import { failure } from '../contract/errors.js';
import { writeJsonAtomic } from './atomicFile.js';
import { refuseOutsideLinks } from './links.js';
import type { Project } from './project.js';

const ownerSchema = z.object({ pid: z.number().int().positive(), host: z.string() });

/** One engine call may hold the event loop for half a minute, so the heartbeat of the lock must be allowed to pause. */
const STALE_MS = 120_000;

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
    lockfile.lock(path, { stale: STALE_MS, update: 10_000, realpath: false, onCompromised: () => undefined });
  let release: () => Promise<void>;
  try {
    release = await take();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ELOCKED') throw cause;
    if (!(await ownerIsGone(ownerPath))) return null;
    await rm(`${path}.lock`, { recursive: true, force: true });
    release = await take();
  }
  await writeJsonAtomic(ownerPath, { pid: process.pid, host: hostname() });
  return async () => {
    // On a disk that is gone or read-only nothing can be removed; the place is free all the same once this process has ended.
    await rm(ownerPath, { force: true }).catch(() => undefined);
    await release().catch(() => undefined);
  };
}

/** Whether the recorded owner ran on this machine and its process has ended. */
async function ownerIsGone(ownerPath: string): Promise<boolean> {
  let owner: z.output<typeof ownerSchema>;
  try {
    owner = ownerSchema.parse(JSON.parse(await readFile(ownerPath, 'utf8')));
  } catch {
    return false;
  }
  if (owner.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Whether a run is writing to the project now. */
export async function isProjectLocked(project: Project): Promise<boolean> {
  const held = await lockfile.check(project.path, { stale: STALE_MS, realpath: false });
  return held && !(await ownerIsGone(`${project.path}.owner`));
}
