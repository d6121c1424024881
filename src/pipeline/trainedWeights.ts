import { failure } from '../contract/errors.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { latestCheckpoint } from '../training/checkpoint.js';
import type { StageStore } from './stageStore.js';

/**
 * The finished network of a stage: its EMA weights, and the folder of its checkpoint, where they lie as a model.
 * @throws `CHECKPOINT_MISSING` when the stage's checkpoints are gone
 */
export async function trainedNetwork(
  store: StageStore,
  stageId: string,
): Promise<{ spec: UNetSpec; weights: Weights; folder: string }> {
  const { found, damaged } = await latestCheckpoint(store.folder(stageId));
  if (found !== null && damaged.length === 0)
    return { spec: found.checkpoint.spec, weights: found.checkpoint.state.ema, folder: found.folder };
  throw failure(
    'CHECKPOINT_MISSING',
    damaged[0]?.message ?? `${stageId} has no checkpoint in ${store.folder(stageId)}`,
    `remove the folder ${store.folder(stageId)} and run again`,
  );
}
