import type { ExperimentConfig } from '../contract/config.js';
import { buildUNetSpec } from '../model/buildSpec.js';
import { countModel } from '../model/countModel.js';
import type { Engine, EngineId } from '../tensor/engine.js';
import { openEngine } from '../tensor/openEngine.js';
import type { Work } from '../tensor/parallelism.js';

/** What an experiment computes most of: its base with its micro-batches. */
export function experimentWork({
  model,
  data,
  diffusion,
  base,
}: Pick<ExperimentConfig, 'model' | 'data' | 'diffusion' | 'base'>): Work {
  const { parameters } = countModel(buildUNetSpec(model, data, diffusion));
  return { parameters, images: Math.min(base.batch, base.microBatch) };
}

/**
 * Opens the engine of an experiment, whose threads share work as suits its network.
 *
 * @param choice the config's by default
 * @throws as `openEngine`, and as `buildUNetSpec` for a network that cannot be
 */
export async function openEngineFor(
  config: ExperimentConfig,
  choice: 'auto' | EngineId = config.engine,
): Promise<Engine> {
  return openEngine(choice, experimentWork(config));
}
