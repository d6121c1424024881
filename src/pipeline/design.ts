import type { ExperimentConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import type { NoiseSchedule } from '../diffusion/noiseSchedule.js';
import { trainingObjective, type Objective } from '../diffusion/objective.js';
import { assignBudgets } from '../method/budget.js';
import { partitionTimesteps } from '../method/partition.js';
import { groupsFromBounds, type TimestepGroup } from '../method/timestepGroups.js';
import { buildUNetSpec } from '../model/buildSpec.js';
import { countModel } from '../model/countModel.js';
import type { UNetSpec } from '../model/spec.js';
import { reachableMacs } from '../method/allocation.js';
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

/** Everything that follows from the config alone: nothing was trained and nothing was read. */
export interface ExperimentDesign {
  readonly spec: UNetSpec;
  /** Convolution and linear MACs of one forward pass of the base, per image. */
  readonly baseMacs: number;
  readonly parameters: number;
  readonly schedule: NoiseSchedule;
  /** What every network of the experiment is trained for; holds the same schedule. */
  readonly objective: Objective;
  /** Timesteps the sampler calls the network with, in calling order. */
  readonly visited: Int32Array;
  readonly bounds: readonly number[];
  readonly partitionCost: number;
  /** Smallest ratio of the linear rule, given or solved for. */
  readonly k: number;
  readonly groups: readonly GroupDesign[];
  /** Mean budget over the visited steps, as a ratio to the base. */
  readonly meanBudget: number;
}

/**
 * Difficulty, groups and budgets of an experiment. A pure function of the config.
 * @throws input errors for anything that cannot be built or reached
 */
export function designExperiment(config: ExperimentConfig): ExperimentDesign {
  const spec = buildUNetSpec(config.model, config.data);
  const { macs: baseMacs, parameters } = countModel(spec);
  const objective = trainingObjective(config);
  const { schedule } = objective;
  const visited = visitedTimesteps(config.sampling, config.diffusion.timesteps);
  const partition = partitionTimesteps(config.grouping, schedule);
  const budgets = assignBudgets(config.budget, partition.bounds, visited);
  const groups = groupsFromBounds(partition.bounds).map((group) => ({
    ...group,
    budget: budgets.perGroup[group.index],
    visited: budgets.visited[group.index],
    snrDb: [schedule.snrDb[group.from], schedule.snrDb[group.to - 1]] as const,
  }));
  refuseUnreachable(groups, reachableMacs(spec, config.pruning.minimumKeep).min / baseMacs);
  return {
    spec,
    baseMacs,
    parameters,
    schedule,
    objective,
    visited,
    bounds: partition.bounds,
    partitionCost: partition.cost,
    k: budgets.k,
    groups,
    meanBudget: budgets.mean,
  };
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
