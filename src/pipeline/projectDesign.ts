import { join } from 'node:path';
import type { ExperimentConfig } from '../contract/config.js';
import { groupingResultSchema, type GroupingResult } from '../contract/results.js';
import { groupsFromBounds } from '../method/timestepGroups.js';
import { damaged, requireResultFile } from '../project/resultFile.js';
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
  const path = join(store.folder('grouping'), 'grouping.json');
  const grouping = await requireResultFile(path, groupingResultSchema);
  if (!fits(grouping, config)) throw damaged(path, null);
  return designFromGrouping(config, grouping);
}

/** Whether the groups are those of the bounds, and the bounds those of the timesteps. */
function fits({ bounds, groups }: GroupingResult, { diffusion, grouping }: ExperimentConfig): boolean {
  const ascends = bounds.every((bound, index) => index === 0 || bound > bounds[index - 1]);
  if (!ascends || bounds[0] !== 0 || bounds.at(-1) !== diffusion.timesteps) return false;
  if (bounds.length !== grouping.groups + 1 || groups.length !== grouping.groups) return false;
  return groupsFromBounds(bounds).every(
    ({ index, from, to }) => groups[index].index === index && groups[index].from === from && groups[index].to === to,
  );
}
