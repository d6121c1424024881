import type { ExperimentConfig } from '../contract/config.js';
import { needsSimilarity } from '../method/partition.js';
import type { Stage } from './stage.js';
import { baseStage } from './stages/baseStage.js';
import { evaluationStage } from './stages/evaluationStage.js';
import { expertStage } from './stages/expertStage.js';
import { featureStage } from './stages/featureStage.js';
import { groupingStage } from './stages/groupingStage.js';
import { latencyStage } from './stages/latencyStage.js';
import { similarityStage } from './stages/similarityStage.js';
import { uniformStage } from './stages/uniformStage.js';

/** The method, in order: base, groups and budgets, an expert for each group, what it is compared with, the comparison. */
export function pipelineStages(config: ExperimentConfig): readonly Stage[] {
  const groups = Array.from({ length: config.grouping.groups }, (_, index) => index);
  return [
    baseStage(config),
    ...(needsSimilarity(config.grouping) ? [similarityStage(config)] : []),
    groupingStage(config),
    ...(config.pruning.cost === 'latency' ? [latencyStage(config)] : []),
    featureStage(config),
    ...groups.map((index) => expertStage(config, index)),
    ...(config.evaluation.uniformBaseline ? [uniformStage(config)] : []),
    evaluationStage(config),
  ];
}
