import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../contract/config.js';
import { groupingResultSchema } from '../contract/results.js';
import { designExperiment, designFromGrouping, needsEvidence, type ExperimentDesign } from './design.js';
import { inputHashes } from './inputHash.js';
import { pipelineStages } from './pipelineStages.js';
import type { StageStore } from './stageStore.js';

/**
 * The design of a project: with what its `grouping` stage measured and decided where that stage is finished, from the config
 * alone (and then possibly provisional) before.
 */
export async function projectDesign(config: ExperimentConfig, store: StageStore): Promise<ExperimentDesign> {
  if (!needsEvidence(config)) return designExperiment(config);
  const record = await store.read('grouping');
  const isCurrent = record?.inputHash === inputHashes(pipelineStages(config)).get('grouping');
  if (record?.state !== 'done' || !isCurrent) return designExperiment(config);
  const text = await readFile(join(store.folder('grouping'), 'grouping.json'), 'utf8');
  return designFromGrouping(config, groupingResultSchema.parse(JSON.parse(text)));
}
