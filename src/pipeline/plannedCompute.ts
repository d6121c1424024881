import type { ExperimentConfig } from '../contract/config.js';
import { needsSimilarity } from '../method/partition.js';
import { similarityGrid } from '../method/similarity.js';
import type { ExperimentDesign } from './design.js';
import { trainingMacs } from './ledger.js';
import { evidenceBatch, evidenceBatches } from './measureImportance.js';

/** Multiply-accumulates that a whole run will take, by what they are for. Sampling has no gradients: a third of a training step. */
export interface PlannedCompute {
  /** 0 where an imported network takes its place. */
  readonly base: number;
  readonly experts: number;
  /**
   * Evidence, proxy rounds, similarity and trial pruning: all that decides groups, budgets and widths, those of the uniformly
   * pruned network included.
   */
  readonly search: number;
  readonly uniform: number;
  readonly evaluation: number;
}

/** Above this share of the training the search is no longer a small addition to it. */
export const LARGE_SEARCH_SHARE = 0.05;

/** Search compute as a share of the base's training; of the experts' where the base was imported. */
export function searchShare({ base, experts, search }: Pick<PlannedCompute, 'base' | 'experts' | 'search'>): number {
  return search / (base === 0 ? experts : base);
}

/** Early stopping, which nobody can foresee, is left out. */
export function plannedCompute(config: ExperimentConfig, design: ExperimentDesign): PlannedCompute {
  const { base, experts, evaluation } = config;
  const { baseMacs, groups, meanBudget, visited } = design;
  const images = evaluation.samples * evaluation.seeds.length * visited.length;
  const evaluatedRatios = 1 + meanBudget * (evaluation.uniformBaseline ? 2 : 1);
  return {
    base: base.imported === null ? trainingMacs(base.steps * base.batch, baseMacs) : 0,
    experts: groups.reduce((sum, group) => sum + expertMacs(config, design, group), 0),
    search:
      measurementMacs(config, design) +
      groups.reduce((sum, group) => sum + groupSearchMacs(config, design, group), 0) +
      (evaluation.uniformBaseline ? evidenceMacs(config, design, config.diffusion.timesteps) : 0),
    uniform: evaluation.uniformBaseline
      ? trainingMacs(experts.steps * base.batch * groups.length, meanBudget * baseMacs)
      : 0,
    evaluation: images * evaluatedRatios * baseMacs,
  };
}

/**
 * The same by stage, for those that take most of a run: `base`, `experts/N` with its search, `uniform` with its evidence,
 * `evaluation`.
 */
export function plannedStages(config: ExperimentConfig, design: ExperimentDesign): ReadonlyMap<string, number> {
  const { base, uniform, evaluation } = plannedCompute(config, design);
  return new Map([
    ['base', base],
    ...design.groups.map(
      (group) =>
        [`experts/${group.index}`, expertMacs(config, design, group) + groupSearchMacs(config, design, group)] as const,
    ),
    ...(uniform === 0
      ? []
      : [['uniform', uniform + evidenceMacs(config, design, config.diffusion.timesteps)] as const]),
    ['evaluation', evaluation],
  ]);
}

/** Training of one expert, with its teacher and its held-out losses. */
function expertMacs(
  { base, experts }: ExperimentConfig,
  { baseMacs }: Pick<ExperimentDesign, 'baseMacs'>,
  { budget }: ExperimentDesign['groups'][number],
): number {
  const distilled = experts.distillation > 0 ? experts.steps * base.batch * baseMacs : 0;
  const evaluated = experts.evaluateEvery === 0 ? 0 : Math.ceil(experts.steps / experts.evaluateEvery);
  return (
    trainingMacs(experts.steps * base.batch, budget * baseMacs) +
    distilled +
    evaluated * experts.evaluateImages * budget * baseMacs
  );
}

/** What grouping and budgets are measured with. */
function measurementMacs(
  { grouping, budget, base, diffusion, pruning }: ExperimentConfig,
  design: ExperimentDesign,
): number {
  const { baseMacs, groups } = design;
  const checkpoints = Math.min(base.keepCheckpoints, Math.ceil(base.steps / base.checkpointEvery));
  const gradients = checkpoints * similarityGrid(diffusion.timesteps, grouping.gradientPoints).length;
  const similarity = needsSimilarity(grouping) ? trainingMacs(gradients * grouping.gradientImages, baseMacs) : 0;
  const trial =
    budget.rule === 'measured' ? groups.length * pruning.proxyImages * (1 + budget.trialRatio) * baseMacs : 0;
  return similarity + trial;
}

function groupSearchMacs(
  config: ExperimentConfig,
  { baseMacs, visited }: ExperimentDesign,
  { budget, from, to, visited: inside }: ExperimentDesign['groups'][number],
): number {
  const { base, pruning } = config;
  if (budget >= 1) return 0;
  const macs = budget * baseMacs;
  const scoring =
    pruning.proxy === 'distance'
      ? pruning.proxyImages * (inside * macs + (visited.length - inside) * baseMacs)
      : pruning.proxyImages * macs;
  return (
    evidenceMacs(config, { baseMacs }, to - from) +
    pruning.rounds * (trainingMacs(pruning.proxySteps * base.batch, macs) + scoring)
  );
}

/** Gradients behind the importance for one network that serves this many timesteps. */
function evidenceMacs(
  config: ExperimentConfig,
  { baseMacs }: Pick<ExperimentDesign, 'baseMacs'>,
  timesteps: number,
): number {
  return trainingMacs(evidenceBatches(config.pruning, timesteps) * evidenceBatch(config), baseMacs);
}
