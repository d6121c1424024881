import { constants } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Project } from '../../project/project.js';
import { inputHashes } from '../inputHash.js';
import { pipelineStages } from '../pipelineStages.js';
import { StageStore } from '../stageStore.js';

/**
 * Copies finished stages into a project from others that computed them from the same inputs. Where the file system can, copies
 * share their blocks with the originals. A copy appears whole or not at all.
 *
 * @returns ids of the stages that were copied
 */
export async function shareStages(project: Project, others: readonly Project[]): Promise<string[]> {
  const store = new StageStore(project);
  const copied: string[] = [];
  for (const [id, inputHash] of inputHashes(pipelineStages(project.file.config))) {
    const own = await store.prepare(id, inputHash);
    if (own?.state === 'done') continue;
    const source = await finishedFolder(id, inputHash, others);
    if (source === null) continue;
    const folder = store.folder(id);
    const unfinished = `${folder}.sharing`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(dirname(folder), { recursive: true });
    await cp(source, unfinished, { recursive: true, mode: constants.COPYFILE_FICLONE });
    await rm(folder, { recursive: true, force: true });
    await rename(unfinished, folder);
    copied.push(id);
  }
  return copied;
}

async function finishedFolder(id: string, inputHash: string, others: readonly Project[]): Promise<string | null> {
  for (const other of others) {
    const store = new StageStore(other);
    const record = await store.read(id);
    if (record?.state === 'done' && record.inputHash === inputHash) return store.folder(id);
  }
  return null;
}
