import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { EventSink } from '../contract/events.js';
import { failure } from '../contract/errors.js';
import type { Dataset } from '../data/dataset.js';
import { loadDataset } from '../data/loadDataset.js';
import { shareDataset } from '../data/makeDataset.js';
import { splitDataset } from '../data/split.js';
import { writeJsonAtomic } from '../project/atomicFile.js';
import type { Project } from '../project/project.js';
import { readResultFile } from '../project/resultFile.js';
import { ProgressMeter } from './progressMeter.js';

/** Share of the images that no training sees; group losses are measured on them. */
const HELD_OUT_SHARE = 0.05;

/** `stages/data.json`: which images the stages were computed from. */
export const identitySchema = z.object({
  source: z.string(),
  hash: z.string(),
  count: z.number(),
  config: z.unknown(),
});

/**
 * Loads the images of a project and splits off the held-out ones. The first load writes the data's hash beside the project.
 * @throws `DATA_CHANGED` when the same config now finds other images than earlier stages were computed from
 */
export async function loadExperimentData(
  project: Project,
  emit: EventSink,
  signal: AbortSignal,
): Promise<{ train: Dataset; heldOut: Dataset }> {
  const config = project.file.config.data;
  let progress: ProgressMeter | null = null;
  const dataset = await loadDataset(config, {
    signal,
    onProgress: ({ unit, done, total }) => {
      if (total === null) return;
      progress ??= new ProgressMeter(emit, 'data', unit, total);
      progress.report(done);
    },
  });
  const path = join(project.folder, 'stages', 'data.json');
  const known = await readResultFile(path, identitySchema);
  if (known === null || JSON.stringify(known.config) !== JSON.stringify(config)) {
    await mkdir(join(project.folder, 'stages'), { recursive: true });
    await writeJsonAtomic(path, { source: dataset.source, hash: dataset.hash, count: dataset.count, config });
  } else if (known.hash !== dataset.hash) {
    throw failure(
      'DATA_CHANGED',
      `the ${dataset.source} images differ from those this project was computed from (${known.count} images before, ${dataset.count} now)`,
      'put the earlier images back, or make a new project for the new ones',
    );
  }
  const heldOut = Math.max(1, Math.round(dataset.count * HELD_OUT_SHARE));
  // Batches are drawn in a thread of their own.
  return splitDataset(shareDataset(dataset), heldOut);
}
