import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UNFINISHED } from './atomicFile.js';

/** Checkpoints and reports without their name yet, or without it any more. */
export const UNFINISHED_FOLDER = /^\.(writing|removing)-/;

/** Age after which an unfinished file outside `stages/` has no writer any more: writing one takes seconds. */
const ABANDONED_MS = 600_000;

/**
 * Removes what crashes left of unfinished files, checkpoints and reports. The caller must hold the project's writer's place: nobody else
 * writes below `stages/` then, while a window may be saving the config or the record of a job.
 */
export async function sweepLeftovers(projectFolder: string): Promise<void> {
  await sweepFiles(join(projectFolder, 'stages'), { deep: true, olderThanMs: 0 });
  for (const folder of ['.', 'jobs', 'reports']) {
    await sweepFiles(join(projectFolder, folder), { deep: false, olderThanMs: ABANDONED_MS });
  }
}

async function sweepFiles(folder: string, options: { deep: boolean; olderThanMs: number }): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: options.deep }).catch(() => []);
  for (const entry of entries) {
    const isFolder = entry.isDirectory() && UNFINISHED_FOLDER.test(entry.name);
    if (!isFolder && !(entry.isFile() && UNFINISHED.test(entry.name))) continue;
    const path = join(entry.parentPath, entry.name);
    const changed = (await stat(path).catch(() => null))?.mtimeMs ?? Infinity;
    if (Date.now() - changed < options.olderThanMs) continue;
    await rm(path, { recursive: true, force: true });
  }
}
