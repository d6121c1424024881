import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import type { Denoiser } from '../sampling/denoiser.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import type { DrawWish } from './drawRequests.js';
import { writeDrawn } from './drawnSamples.js';
import { sampleGrid } from './sampleGrid.js';
import type { StageContext } from './stage.js';

/**
 * Draws with a network in training, as it is after an update, and leaves the training as it was.
 * @param network its averaged weights, and how it takes part in a whole model; alone by default
 * @returns the picture's name
 */
export async function drawInTraining(
  context: StageContext,
  network: {
    readonly spec: UNetSpec;
    readonly weights: Weights;
    readonly amongOthers?: (own: Denoiser) => Denoiser;
  },
  wish: DrawWish,
  update: number,
): Promise<string> {
  const { design, project, stageId } = context;
  const own = createNetworkDenoiser(network.spec, network.weights, design.objective);
  let denoiser = own;
  try {
    denoiser = network.amongOthers?.(own) ?? own;
    const { seed, count } = wish;
    const png = await sampleGrid(context, denoiser, { seed, count });
    const at = new Date().toISOString();
    return await writeDrawn(project.folder, { seed, count, at, model: stageId, step: update }, png);
  } finally {
    denoiser.dispose();
  }
}
