import type { BudgetConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import { groupOfTimestep } from './timestepGroups.js';

/** What each group may cost. Ratios are to the base's MACs; index = group, 0 = least noise. */
export interface BudgetAssignment {
  /** Smallest ratio of the linear rule, in (0, 1]. */
  readonly k: number;
  readonly perGroup: number[];
  /** Sampler steps that fall into each group. */
  readonly visited: number[];
  /** Exact mean ratio over the steps the sampler visits. */
  readonly mean: number;
}

/**
 * The linear rule of arXiv 2312.13307: rank i of N gets i/N + (N - i)/N * k of the base's compute. Ranks run over 1..N or
 * 0..N-1, since the paper's text leaves that open.
 *
 * @param k smallest ratio, in (0, 1]
 * @param indexBase first rank; with 1 the largest group keeps the whole base, with 0 the smallest gets exactly k
 * @param orientation the end that gets the largest rank: `high-snr` = group 0, `low-snr` = group N-1
 * @returns ratio of each group, group 0 = least noise
 */
export function linearBudgets(
  groups: number,
  k: number,
  indexBase: BudgetConfig['indexBase'],
  orientation: BudgetConfig['orientation'],
): number[] {
  return fullShares(groups, indexBase, orientation).map((share) => share + (1 - share) * k);
}

/** i/N for each group: the part of its budget that does not shrink with k. */
function fullShares(
  groups: number,
  indexBase: BudgetConfig['indexBase'],
  orientation: BudgetConfig['orientation'],
): number[] {
  return Array.from({ length: groups }, (_, group) => {
    const rank = orientation === 'high-snr' ? groups - 1 - group : group;
    return (rank + indexBase) / groups;
  });
}

/** How many of the visited timesteps, repetitions included, fall into each group. */
export function visitedPerGroup(bounds: readonly number[], visited: Int32Array): number[] {
  const counts = new Array<number>(bounds.length - 1).fill(0);
  visited.forEach((t) => counts[groupOfTimestep(bounds, t)]++);
  return counts;
}

/**
 * Gives each group its budget, and states the exact mean over the steps that the sampler visits. A `k` in the config is used as
 * it is; without one, k is solved for `targetMean`. Groups that the sampler never visits get a budget like the others but no
 * weight in the mean.
 *
 * @param visited timesteps the sampler calls the network with, repetitions included; not empty
 * @throws input error `BUDGET_UNREACHABLE`, with the range that can be reached
 */
export function assignBudgets(config: BudgetConfig, bounds: readonly number[], visited: Int32Array): BudgetAssignment {
  const groups = bounds.length - 1;
  const counts = visitedPerGroup(bounds, visited);
  const weightedMean = (ratios: readonly number[]) =>
    ratios.reduce((sum, ratio, group) => sum + ratio * counts[group], 0) / visited.length;
  const k =
    config.k ?? solveK(config.targetMean, weightedMean(fullShares(groups, config.indexBase, config.orientation)));
  const perGroup = linearBudgets(groups, k, config.indexBase, config.orientation);
  return { k, perGroup, visited: counts, mean: weightedMean(perGroup) };
}

/** The mean is share + (1 - share) k, where `share` is the mean of i/N: solves for k in (0, 1]. */
function solveK(targetMean: number, share: number): number {
  if (targetMean === 1) return 1;
  if (targetMean <= share) {
    const range = share < 1 ? `above ${share.toFixed(4)} and up to 1` : 'of exactly 1';
    throw inputError(
      'BUDGET_UNREACHABLE',
      `a mean budget of ${targetMean} cannot be reached: with these groups and this sampler the linear rule reaches means ${range}`,
      'raise the target mean, or change the number of groups, the index base, the orientation or the sampling grid',
    );
  }
  return (targetMean - share) / (1 - share);
}
