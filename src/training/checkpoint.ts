import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, StepAdaptError } from '../contract/errors.js';
import { fsyncFolder, writeFileAtomic } from '../project/atomicFile.js';
import { readCheckpoint, writeCheckpointFiles, type Checkpoint, type WriteFile } from './checkpointFiles.js';

/**
 * The checkpoints of one stage: folders `checkpoints/step-00000500`, complete from the moment they have that name. Everything
 * unfinished or half removed has a name that starts with a dot and is swept by the next write.
 */

const COMPLETE = /^step-(\d{8,})$/;

/**
 * Writes a checkpoint of a stage: complete and durable under its final name, or not there at all. A failure (a full disk, say)
 * leaves earlier checkpoints as they were and frees what it wrote. The file `latest` in the stage's folder names the newest.
 *
 * @returns path of the checkpoint's folder
 */
export async function writeCheckpoint(
  stageDir: string,
  checkpoint: Checkpoint,
  write: WriteFile = writeFile,
): Promise<string> {
  const parent = checkpointsFolder(stageDir);
  await mkdir(parent, { recursive: true });
  await sweep(parent);
  const name = folderName(checkpoint.step);
  const written = join(parent, `.writing-${name}`);
  try {
    await mkdir(written);
    await writeCheckpointFiles(written, checkpoint, write);
  } catch (error) {
    await rm(written, { recursive: true, force: true });
    throw error;
  }
  const folder = join(parent, name);
  if ((await namesIn(parent)).includes(name)) await rename(folder, join(parent, `.replaced-${name}`));
  await rename(written, folder);
  await fsyncFolder(parent);
  await writeFileAtomic(join(stageDir, 'latest'), `checkpoints/${name}\n`);
  await sweep(parent);
  return folder;
}

/** The checkpoint to go on from. */
export interface LatestCheckpoint extends Checkpoint {
  readonly folder: string;
  /** Which newer checkpoints are damaged and were passed over, for the caller to report; null when none. */
  readonly warning: string | null;
}

/**
 * Finds the newest checkpoint of a stage whose files are all intact.
 *
 * @returns null when the stage has no checkpoint
 * @throws failure `CHECKPOINT_CORRUPT` when there are checkpoints and all are damaged
 */
export async function latestCheckpoint(stageDir: string): Promise<LatestCheckpoint | null> {
  const damaged: StepAdaptError[] = [];
  for (const { folder } of await listCheckpoints(stageDir)) {
    try {
      const checkpoint = await readCheckpoint(folder);
      const reasons = damaged.map(({ message }) => message).join('; ');
      const warning = reasons && `${reasons}: going on from step ${checkpoint.step} instead`;
      return { ...checkpoint, folder, warning: warning || null };
    } catch (error) {
      if (!(error instanceof StepAdaptError) || error.code !== 'CHECKPOINT_CORRUPT') throw error;
      damaged.push(error);
    }
  }
  if (damaged.length === 0) return null;
  throw failure(
    'CHECKPOINT_CORRUPT',
    `no checkpoint of ${stageDir} is intact: ${damaged.map(({ message }) => message).join('; ')}`,
    `restore them, or remove ${checkpointsFolder(stageDir)} to start over`,
  );
}

/** Removes all but the newest `keep` checkpoints of a stage. */
export async function pruneCheckpoints(stageDir: string, keep: number): Promise<void> {
  const parent = checkpointsFolder(stageDir);
  for (const { step, folder } of (await listCheckpoints(stageDir)).slice(keep)) {
    // Renamed first: a removal that is interrupted must not leave half a checkpoint under a complete one's name.
    await rename(folder, join(parent, `.removing-${folderName(step)}`));
  }
  await sweep(parent);
}

/** Complete checkpoints of a stage, newest first; empty when there is no such stage. */
async function listCheckpoints(stageDir: string): Promise<{ step: number; folder: string }[]> {
  const parent = checkpointsFolder(stageDir);
  return (await namesIn(parent))
    .flatMap((name) => {
      const match = COMPLETE.exec(name);
      return match ? [{ step: Number(match[1]), folder: join(parent, name) }] : [];
    })
    .sort((a, b) => b.step - a.step);
}

function checkpointsFolder(stageDir: string): string {
  return join(stageDir, 'checkpoints');
}

function folderName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

async function sweep(parent: string): Promise<void> {
  for (const name of await namesIn(parent)) {
    if (name.startsWith('.')) await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
