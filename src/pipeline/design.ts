import type { ExperimentConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import type { GroupingResult } from '../contract/results.js';
import type { NoiseSchedule } from '../diffusion/noiseSchedule.js';
import { trainingObjective, type Objective } from '../diffusion/objective.js';
import { assignBudgets } from '../method/budget.js';
import { needsSimilarity, partitionTimesteps } from '../method/partition.js';
import { groupsFromBounds, type TimestepGroup } from '../method/timestepGroups.js';
import { buildUNetSpec } from '../model/buildSpec.js';
import { countModel } from '../model/countModel.js';
import type { UNetSpec } from '../model/spec.js';
import { reachableMacs } from '../method/widthSpace.js';
import { visitedTimesteps } from '../sampling/timestepGrid.js';

/** One timestep group with the compute it is given. */
export interface GroupDesign extends TimestepGroup {
  /** Ratio to the base's MACs that the budget rule asks for. */
  readonly budget: number;
  /** Sampler steps that fall into the group. */
  readonly visited: number;
  /** Decibels at the group's two ends, least noise first. */
  readonly snrDb: readonly [number, number];
}

/** What follows from the config alone: nothing was trained and nothing was read. */
interface BaseDesign {
  readonly spec: UNetSpec;
  /** Convolution and linear MACs of one forward pass of the base, per image. */
  readonly baseMacs: number;
  readonly parameters: number;
  readonly schedule: NoiseSchedule;
  /** What every network of the experiment is trained for; holds the same schedule. */
  readonly objective: Objective;
  /** Timesteps the sampler calls the network with, in calling order. */
  readonly visited: Int32Array;
}

/** The base with its timestep groups and their budgets. */
export interface ExperimentDesign extends BaseDesign {
  readonly bounds: readonly number[];
  readonly partitionCost: number;
  /** Smallest ratio of the linear rule, given or solved for. */
  readonly k: number;
  readonly groups: readonly GroupDesign[];
  /** Mean budget over the visited steps, as a ratio to the base. */
  readonly meanBudget: number;
  /** What waits for the trained base: until then bounds come from difficulty alone, and budgets from the orientation. */
  readonly provisional: { readonly bounds: boolean; readonly budgets: boolean };
}

/** What is measured on the trained base where the config asks for it. */
export interface DesignEvidence {
  /** (T, T) gradient similarity, row-major. */
  readonly similarity: Float64Array | null;
  /** Held-out loss increase of each group under the trial pruning. */
  readonly lossIncrease: readonly number[] | null;
}

/** Whether groups or budgets depend on measurements of the trained base. */
export function needsEvidence({ grouping, budget }: Pick<ExperimentConfig, 'grouping' | 'budget'>): boolean {
  return needsSimilarity(grouping) || budget.rule === 'measured';
}

/**
 * Difficulty, groups and budgets of an experiment: a pure function of the config and of the evidence. Without the evidence that
 * the config asks for, the result says what in it is provisional.
 * @throws input errors for anything that cannot be built or reached
 */
export function designExperiment(
  config: ExperimentConfig,
  evidence: DesignEvidence = { similarity: null, lossIncrease: null },
): ExperimentDesign {
  const base = designBase(config);
  const partition = partitionTimesteps(config.grouping, base.schedule, evidence.similarity);
  const budgets = assignBudgets(config.budget, partition.bounds, base.visited, evidence.lossIncrease);
  const groups = groupsFromBounds(partition.bounds).map((group) => ({
    ...group,
    budget: budgets.perGroup[group.index],
    visited: budgets.visited[group.index],
    snrDb: [base.schedule.snrDb[group.from], base.schedule.snrDb[group.to - 1]] as const,
  }));
  // What measured time can reach is known only once it was measured: the latency stage looks then.
  if (config.pruning.cost === 'macs') {
    refuseUnreachable(groups, reachableMacs(base.spec, config.pruning).minMacs / base.baseMacs);
  }
  return {
    ...base,
    bounds: partition.bounds,
    partitionCost: partition.cost,
    k: budgets.k,
    groups,
    meanBudget: budgets.mean,
    provisional: { bounds: partition.provisional, budgets: budgets.provisional || partition.provisional },
  };
}

/** The design with the groups and budgets that a finished `grouping` stage wrote down. */
export function designFromGrouping(config: ExperimentConfig, grouping: GroupingResult): ExperimentDesign {
  return {
    ...designBase(config),
    bounds: grouping.bounds,
    partitionCost: grouping.cost,
    k: grouping.k,
    groups: grouping.groups,
    meanBudget: grouping.meanBudget,
    provisional: { bounds: false, budgets: false },
  };
}

function designBase(config: ExperimentConfig): BaseDesign {
  refusePrecision(config);
  const spec = buildUNetSpec(config.model, config.data, config.diffusion);
  const { macs: baseMacs, parameters } = countModel(spec);
  const objective = trainingObjective(config);
  const visited = visitedTimesteps(config.sampling, config.diffusion.timesteps);
  return { spec, baseMacs, parameters, schedule: objective.schedule, objective, visited };
}

/** Where `engine` leaves the choice open, the engine that a run finds decides (`requirePrecision`). */
function refusePrecision({ engine, precision }: ExperimentConfig): void {
  if (engine !== 'wasm' || precision === 'float32') return;
  throw inputError(
    'PRECISION_UNAVAILABLE',
    `the experiment asks for ${precision} (precision) on the portable engine (engine), which computes in float32 alone`,
    'set engine to "auto" or "native", or precision to "float32"',
  );
}

function refuseUnreachable(groups: readonly GroupDesign[], smallestRatio: number): void {
  const starved = groups.filter((group) => group.budget < smallestRatio);
  if (starved.length === 0) return;
  throw inputError(
    'BUDGET_UNREACHABLE',
    `group ${starved[0].index} is given ${starved[0].budget.toFixed(3)} of the base's MACs, but pruning can reach no less than ${smallestRatio.toFixed(3)}`,
    'raise budget.k or budget.targetMean, or lower pruning.minimumKeep',
  );
}
