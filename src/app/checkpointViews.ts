import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CheckpointsView } from '../contract/runViews.js';
import type { Project } from '../project/project.js';
import { listCheckpoints } from '../training/checkpointFolders.js';

/** Checkpoints on disk of every stage that has some, in the order of the stages, oldest first. */
export async function viewCheckpoints(project: Project, stages: readonly string[]): Promise<CheckpointsView[]> {
  const views = await Promise.all(
    stages.map(async (stage) => {
      const folders = await listCheckpoints(join(project.folder, 'stages', stage));
      const kept = await Promise.all(folders.map(viewCheckpoint));
      return { stage, kept: kept.flatMap((view) => view ?? []).sort((a, b) => a.step - b.step) };
    }),
  );
  return views.filter(({ kept }) => kept.length > 0);
}

/** Null for one that a training removes at this moment. */
async function viewCheckpoint(folder: string): Promise<CheckpointsView['kept'][number] | null> {
  const step = Number(/(\d+)$/.exec(basename(folder))?.[1]);
  try {
    const files = await readdir(folder, { recursive: true });
    const sizes = await Promise.all(files.map((file) => stat(join(folder, file))));
    const bytes = sizes.filter((entry) => entry.isFile()).reduce((sum, { size }) => sum + size, 0);
    return { step, bytes, at: (await stat(folder)).mtime.toISOString() };
  } catch {
    return null;
  }
}
