import { inputError } from '../contract/errors.js';
import type { Project } from '../project/project.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import { latestCheckpoint } from '../training/checkpoint.js';
import { writeDrawn } from './drawnSamples.js';
import type { DrawWish } from './drawRequests.js';
import type { EvaluatedModel } from './evaluationResult.js';
import { openModel } from './models.js';
import { openEngineFor } from './openEngineFor.js';
import { projectDesign } from './projectDesign.js';
import { projectStatus } from './projectStatus.js';
import { sampleGrid } from './sampleGrid.js';
import { StageStore } from './stageStore.js';

/** What to draw with: a model of the project, by the newest weights on disk. */
export interface DrawTask extends DrawWish {
  readonly model: EvaluatedModel;
  /** When it was asked for, ISO time. */
  readonly at: string;
}

/**
 * Draws with a model of a project that need not be finished: the base and the uniformly pruned network by the averaged weights
 * of their newest checkpoint, the experts once all of them are tuned. Reads the project, and writes one picture.
 *
 * @returns the picture's name
 * @throws input error `MODEL_NOT_TRAINED` where there is nothing to draw with
 */
export async function drawSamples(project: Project, task: DrawTask, signal: AbortSignal): Promise<string> {
  const { config } = project.file;
  const store = new StageStore(project);
  await requireTrained(project, task.model);
  await openEngineFor(config);
  const design = await projectDesign(config, store);
  let step = 0;
  let denoiser;
  if (task.model === 'adaptive') denoiser = (await openModel('adaptive', design, store)).denoiser;
  else {
    const { found } = await latestCheckpoint(store.folder(task.model));
    if (found === null) throw notTrained(task.model, 'has no checkpoint yet');
    const { spec, state, meta } = found.checkpoint;
    step = meta.step;
    denoiser = createNetworkDenoiser(spec, state.ema, design.objective);
  }
  try {
    const { seed, count, at, model } = task;
    const png = await sampleGrid({ config, design, signal }, denoiser, { seed, count });
    return await writeDrawn(project.folder, { at, model, step, seed, count }, png);
  } finally {
    denoiser.dispose();
  }
}

/** Refuses a model of which the stages were computed from another experiment, or not far enough. */
async function requireTrained(project: Project, model: EvaluatedModel): Promise<void> {
  const { stages } = await projectStatus(project);
  const own = stages.filter(({ id }) => (model === 'adaptive' ? id.startsWith('experts/') : id === model));
  if (own.length === 0) throw notTrained(model, 'is no part of this experiment');
  for (const { id, state } of own) {
    if (state === 'stale') throw notTrained(model, `was trained for another experiment (${id})`);
    if (state === 'pending' || (model === 'adaptive' && state !== 'done')) throw notTrained(model, `waits for ${id}`);
  }
}

function notTrained(model: string, why: string): Error {
  return inputError(
    'MODEL_NOT_TRAINED',
    `the ${model} model ${why}`,
    'run the project further, or choose another model',
  );
}
