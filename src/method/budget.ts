import type { BudgetConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import { groupOfTimestep } from './timestepGroups.js';

/** What each group may cost. Ratios are to the base's MACs; index = group, 0 = least noise. */
export interface BudgetAssignment {
  /** Smallest ratio of the linear rule, in (0, 1]; the smallest of explicit ratios. */
  readonly k: number;
  readonly perGroup: number[];
  /** Sampler steps that fall into each group. */
  readonly visited: number[];
  /** Exact mean ratio over the steps the sampler visits. */
  readonly mean: number;
  /** True when the `measured` rule asks for loss increases that were not given, and `orientation` decided. */
  readonly provisional: boolean;
}

/**
 * The linear rule of arXiv 2312.13307: rank i of N gets i/N + (N - i)/N * k of the base's compute. Ranks run over 1..N or
 * 0..N-1, since the paper's text leaves that open.
 *
 * @param ranks one per group, a permutation of 0..N-1; the largest rank gets the largest model
 * @param k smallest ratio, in (0, 1]
 * @param indexBase first rank; with 1 the largest group keeps the whole base, with 0 the smallest gets exactly k
 * @returns ratio of each group, group 0 = least noise
 */
export function linearBudgets(ranks: readonly number[], k: number, indexBase: BudgetConfig['indexBase']): number[] {
  return fullShares(ranks, indexBase).map((share) => share + (1 - share) * k);
}

/** i/N for each group: the part of its budget that does not shrink with k. */
function fullShares(ranks: readonly number[], indexBase: BudgetConfig['indexBase']): number[] {
  return ranks.map((rank) => (rank + indexBase) / ranks.length);
}

/**
 * Ranks by noise: with `high-snr` the group of least noise has the largest rank, with `low-snr` the one of most noise.
 * @returns rank of each group
 */
export function ranksByNoise(groups: number, orientation: BudgetConfig['orientation']): number[] {
  return Array.from({ length: groups }, (_, group) => (orientation === 'high-snr' ? groups - 1 - group : group));
}

/**
 * Ranks by measured need: the group whose loss grows most under the trial pruning has the largest rank; among equals the one of
 * less noise.
 * @param increases held-out loss increase of each group
 */
export function ranksByIncrease(increases: readonly number[]): number[] {
  const ascending = increases.map((_, group) => group).sort((a, b) => increases[a] - increases[b] || b - a);
  const ranks = new Array<number>(increases.length);
  ascending.forEach((group, rank) => (ranks[group] = rank));
  return ranks;
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
 * weight in the mean. Explicit ratios are taken as they are.
 *
 * @param visited timesteps the sampler calls the network with, repetitions included; not empty
 * @param lossIncrease each group's held-out loss increase under the trial pruning; null where not measured
 * @throws input errors `BUDGET_UNREACHABLE`, with the range that can be reached, and `RATIOS_MISMATCH`
 */
export function assignBudgets(
  config: BudgetConfig,
  bounds: readonly number[],
  visited: Int32Array,
  lossIncrease: readonly number[] | null = null,
): BudgetAssignment {
  const groups = bounds.length - 1;
  const counts = visitedPerGroup(bounds, visited);
  const weightedMean = (ratios: readonly number[]) =>
    ratios.reduce((sum, ratio, group) => sum + ratio * counts[group], 0) / visited.length;
  if (config.rule === 'explicit') {
    const perGroup = explicitRatios(config.ratios, groups);
    return { k: Math.min(...perGroup), perGroup, visited: counts, mean: weightedMean(perGroup), provisional: false };
  }
  const isMeasured = config.rule === 'measured' && lossIncrease !== null;
  const ranks = isMeasured ? ranksByIncrease(lossIncrease) : ranksByNoise(groups, config.orientation);
  const k = config.k ?? solveK(config.targetMean, weightedMean(fullShares(ranks, config.indexBase)));
  const perGroup = linearBudgets(ranks, k, config.indexBase);
  const provisional = config.rule === 'measured' && !isMeasured;
  return { k, perGroup, visited: counts, mean: weightedMean(perGroup), provisional };
}

function explicitRatios(ratios: BudgetConfig['ratios'], groups: number): number[] {
  if (ratios?.length === groups) return [...ratios];
  throw inputError(
    'RATIOS_MISMATCH',
    `the explicit budget rule has ${ratios?.length ?? 0} ratios for ${groups} groups`,
    'give budget.ratios one ratio for each group, least noise first',
  );
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
