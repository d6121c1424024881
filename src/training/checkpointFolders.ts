import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fsyncFolder, writeFileAtomic } from '../project/atomicFile.js';

/**
 * Names and lifetimes of the checkpoint folders of one stage: `checkpoints/step-00000500`, complete from the moment they have
 * that name. Everything unfinished or half removed has a name that starts with a dot and is swept by the next write. A
 * checkpoint that another of the same step replaces steps aside as `.replaced-...` and counts until the other has its name.
 */

const REPLACED = '.replaced-';
const COMPLETE = /^(\.replaced-)?step-(\d{8,})$/;

/** Where a stage's checkpoints are. */
export function checkpointsFolder(stageDir: string): string {
  return join(stageDir, 'checkpoints');
}

/** Folders of complete checkpoints, newest first; empty when there is no such stage. */
export async function listCheckpoints(stageDir: string): Promise<string[]> {
  const parent = checkpointsFolder(stageDir);
  const names = await namesIn(parent);
  return names
    .flatMap((name) => {
      const match = COMPLETE.exec(name);
      return match && !isReplaced(name, names) ? [{ step: Number(match[2]), folder: join(parent, name) }] : [];
    })
    .sort((a, b) => b.step - a.step)
    .map(({ folder }) => folder);
}

/**
 * Makes a checkpoint folder appear whole or not at all: `fill` writes into an unfinished folder, which then gets its name,
 * replacing one of the same step. The file `latest` in the stage's folder names the newest checkpoint.
 *
 * @param fill writes all files and makes them durable; when it fails, what it wrote is removed
 * @returns path of the checkpoint's folder
 */
export async function publishCheckpoint(
  stageDir: string,
  step: number,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const parent = checkpointsFolder(stageDir);
  await mkdir(parent, { recursive: true });
  await sweep(parent);
  const name = `step-${String(step).padStart(8, '0')}`;
  const unfinished = join(parent, `.writing-${name}`);
  try {
    await mkdir(unfinished);
    await fill(unfinished);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
  const folder = join(parent, name);
  if ((await namesIn(parent)).includes(name)) await rename(folder, join(parent, `${REPLACED}${name}`));
  await rename(unfinished, folder);
  await fsyncFolder(parent);
  await nameLatest(stageDir, name);
  await sweep(parent);
  return folder;
}

async function nameLatest(stageDir: string, name: string): Promise<void> {
  const path = join(stageDir, 'latest');
  const line = `checkpoints/${name}\n`;
  if ((await readFile(path, 'utf8').catch(() => null)) !== line) await writeFileAtomic(path, line);
}

/**
 * Does what remains to be done where a crash came right after a checkpoint got its name: `latest` names it, and only the newest
 * `keep` stay.
 */
export async function tidyCheckpoints(stageDir: string, keep: number): Promise<void> {
  const [newest] = (await listCheckpoints(stageDir)).map((folder) => basename(folder));
  if (newest?.startsWith('step-') === true) await nameLatest(stageDir, newest);
  await pruneCheckpoints(stageDir, keep);
}

/** Removes all but the newest `keep` checkpoints of a stage. */
export async function pruneCheckpoints(stageDir: string, keep: number): Promise<void> {
  const parent = checkpointsFolder(stageDir);
  await sweep(parent);
  for (const folder of (await listCheckpoints(stageDir)).slice(keep)) {
    // Renamed first: a removal that is interrupted must not leave half a checkpoint under a complete one's name.
    await rename(folder, join(parent, `.removing-${basename(folder)}`));
  }
  await sweep(parent);
}

async function sweep(parent: string): Promise<void> {
  const names = (await namesIn(parent)).sort();
  for (const name of names) {
    if (!name.startsWith('.') || (COMPLETE.test(name) && !isReplaced(name, names))) continue;
    // Renamed first: of a checkpoint that counts when its successor is gone there must never be a half.
    const leaving = name.startsWith(REPLACED) ? `.removing-${name.slice(REPLACED.length)}` : name;
    if (leaving !== name) await rename(join(parent, name), join(parent, leaving));
    await rm(join(parent, leaving), { recursive: true, force: true });
  }
}

/** Whether a checkpoint that stepped aside has a successor. */
function isReplaced(name: string, names: readonly string[]): boolean {
  return name.startsWith(REPLACED) && names.includes(name.slice(REPLACED.length));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
