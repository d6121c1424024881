import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../contract/config.js';
import { requireSpace } from '../project/diskSpace.js';
import type { Project } from '../project/project.js';
import { CHECKPOINT_BYTES } from '../training/checkpoint.js';
import type { ExperimentDesign } from './design.js';

/** Bytes of a finished project: every kept checkpoint of each network, one more while it replaces another, and the samples. */
export function diskBytes(config: ExperimentConfig, design: ExperimentDesign): number {
  const networks = 1 + design.groups.reduce((sum, { budget }) => sum + Math.min(1, budget), 0) + design.meanBudget;
  const checkpoint = design.parameters * CHECKPOINT_BYTES;
  const { samples, seeds, uniformBaseline } = config.evaluation;
  const models = uniformBaseline ? 3 : 2;
  const images = models * samples * seeds.length * config.data.size ** 2 * config.data.channels;
  return Math.round(checkpoint * (networks * config.base.keepCheckpoints + 1) + images);
}

/**
 * Refuses a run that the disk has no room for, before it begins; what the stages already hold counts as there.
 * @throws failure `DISK_FULL`
 */
export async function requireSpaceForRun(project: Project, design: ExperimentDesign): Promise<void> {
  const needed = diskBytes(project.file.config, design) - (await sizeOf(join(project.folder, 'stages')));
  await requireSpace(project.folder, needed, 'the rest of this run');
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0;
  }
  return bytes;
}
