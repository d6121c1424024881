import type { GroupingConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import type { NoiseSchedule } from '../diffusion/noiseSchedule.js';
import { absoluteDeviation, medoidDissimilarity, optimalBounds, type IntervalCost } from './intervalClustering.js';
import { groupsFromBounds } from './timestepGroups.js';

export interface Partition {
  /** N + 1 bounds 0 = b_0 < ... < b_N = T; group j = [b_j, b_{j+1}), group 0 = least noise. */
  readonly bounds: number[];
  /**
   * Sum over timesteps of the distance to the median of their group: in timesteps for `uniform` and `dp-timestep`, in decibels
   * of SNR for `snr-uniform`, `dp-snr` and hand-set bounds. The `dp-` method has the least cost of its pair. For `dp-gradient`
   * the sum of 1 - similarity to the group's medoid; for `mixture` the weighted sum of both costs, each as a share of what a
   * single group would cost.
   */
  readonly cost: number;
  /** True when the method asks for a similarity that was not given, and difficulty alone decided. */
  readonly provisional: boolean;
}

/** Group sizes allowed, in timesteps. */
export interface SizeLimits {
  readonly smallest: number;
  readonly largest: number;
}

/**
 * Partitions the timesteps into contiguous groups (arXiv 2312.13307, stage 2).
 *
 * - `uniform`: equally many timesteps each.
 * - `snr-uniform`: equal parts of the range of difficulty in decibels, clipped to +-clipDb first if given.
 * - `dp-timestep`, `dp-snr`: least total distance of timesteps, or of their SNR in decibels, to the median of their group
 *   (interval clustering of ANT, arXiv 2306.00354, with the optimal centre).
 * - `dp-gradient`: least total dissimilarity 1 - S(c, t) to the medoid c of the group, S being the gradients' cosine.
 * - `mixture`: w * dissimilarity + (1 - w) * SNR distance, each divided by its value for one group of all timesteps, so that
 *   both run from 0 to 1 whatever their units.
 * - `bounds` in the config take the place of all these.
 *
 * Without `similarity` the last two fall back on `dp-snr`, and the partition says that it is provisional.
 *
 * Every group holds at least one timestep. `minSize` and `maxSize` bind every method; where the first two break them, bounds
 * move by as little as goes from least noise upwards.
 *
 * @param similarity (T, T) gradient similarity of timesteps, row-major, symmetric with unit diagonal; null where not measured
 * @throws input errors `GROUPS_EXCEED_TIMESTEPS`, `GROUP_SIZE_INFEASIBLE`, `BOUNDS_INVALID`
 */
export function partitionTimesteps(
  config: GroupingConfig,
  schedule: NoiseSchedule,
  similarity: Float64Array | null = null,
): Partition {
  const { method, groups } = config;
  const { timesteps } = schedule;
  if (config.bounds !== null) {
    requireBounds(config.bounds, config, timesteps);
    return { bounds: [...config.bounds], cost: totalCost(snrDeviation(schedule), config.bounds), provisional: false };
  }
  const limits = sizeLimits(config, timesteps);
  if (needsSimilarity(config) && similarity !== null) {
    const cost = similarityCost(config, schedule, similarity);
    const bounds = optimalBounds(cost, groups, timesteps, limits);
    return { bounds, cost: totalCost(cost, bounds), provisional: false };
  }
  const deviation =
    method === 'uniform' || method === 'dp-timestep'
      ? absoluteDeviation(Float64Array.from({ length: timesteps }, (_, t) => t))
      : snrDeviation(schedule);
  let bounds: number[];
  if (method === 'uniform') bounds = withinLimits(uniformBounds(groups, timesteps), limits);
  else if (method === 'snr-uniform') bounds = withinLimits(snrUniformBounds(groups, schedule, config.clipDb), limits);
  else bounds = optimalBounds(deviation, groups, timesteps, { ...limits, isMonge: true });
  return { bounds, cost: totalCost(deviation, bounds), provisional: needsSimilarity(config) };
}

/** Whether the partition depends on gradients of the trained base. */
export function needsSimilarity({ method, bounds }: Pick<GroupingConfig, 'method' | 'bounds'>): boolean {
  return bounds === null && (method === 'dp-gradient' || method === 'mixture');
}

function totalCost(cost: IntervalCost, bounds: readonly number[]): number {
  return bounds.slice(1).reduce((sum, to, j) => sum + cost(bounds[j], to), 0);
}

/** Distance in decibels. The clustering wants ascending positions, and difficulty falls with t. */
function snrDeviation(schedule: NoiseSchedule): IntervalCost {
  return absoluteDeviation(schedule.snrDb.map((db) => -db));
}

function similarityCost(config: GroupingConfig, schedule: NoiseSchedule, similarity: Float64Array): IntervalCost {
  const { timesteps } = schedule;
  if (similarity.length !== timesteps ** 2) {
    throw new RangeError(`${similarity.length} similarities are not those of ${timesteps} timesteps`);
  }
  const dissimilarity = medoidDissimilarity(similarity, timesteps);
  if (config.method === 'dp-gradient') return dissimilarity;
  const difficulty = snrDeviation(schedule);
  const share = (cost: IntervalCost, weight: number) => {
    const whole = cost(0, timesteps);
    return whole > 0 ? weight / whole : 0;
  };
  const similarityShare = share(dissimilarity, config.similarityWeight);
  const difficultyShare = share(difficulty, 1 - config.similarityWeight);
  return (from, to) => similarityShare * dissimilarity(from, to) + difficultyShare * difficulty(from, to);
}

/** Hand-set bounds must cover [0, T) in order; sizes count only where the config limits them. */
function requireBounds(bounds: readonly number[], { minSize, maxSize }: GroupingConfig, timesteps: number): void {
  const groups = groupsFromBounds(bounds);
  if (bounds[bounds.length - 1] !== timesteps) {
    throw inputError(
      'BOUNDS_INVALID',
      `the bounds ${bounds.join(', ')} do not end with the number of timesteps, ${timesteps}`,
      'give whole numbers that start with 0, grow, and end with the number of timesteps',
    );
  }
  const illegal = groups.find(({ from, to }) => to - from < minSize || (maxSize > 0 && to - from > maxSize));
  if (illegal === undefined) return;
  throw inputError(
    'GROUP_SIZE_INFEASIBLE',
    `the group from ${illegal.from} to ${illegal.to} holds ${illegal.to - illegal.from} timesteps, which minSize or maxSize forbids`,
    'change the bounds, or set minSize and maxSize to 0',
  );
}

function sizeLimits(config: GroupingConfig, timesteps: number): SizeLimits {
  const { groups, minSize, maxSize } = config;
  if (groups > timesteps) {
    throw inputError(
      'GROUPS_EXCEED_TIMESTEPS',
      `${timesteps} timesteps cannot be cut into ${groups} groups`,
      `choose at most ${timesteps} groups`,
    );
  }
  const smallest = Math.max(1, minSize);
  const largest = maxSize === 0 ? timesteps : maxSize;
  if (smallest > largest || groups * smallest > timesteps || groups * largest < timesteps) {
    throw inputError(
      'GROUP_SIZE_INFEASIBLE',
      `${groups} groups of ${smallest} to ${largest} timesteps cannot cover ${timesteps} timesteps`,
      `keep minSize at most ${Math.floor(timesteps / groups)} and maxSize at least ${Math.ceil(timesteps / groups)}`,
    );
  }
  return { smallest, largest };
}

function uniformBounds(groups: number, timesteps: number): number[] {
  return Array.from({ length: groups + 1 }, (_, j) => Math.round((j * timesteps) / groups));
}

/** Each inner bound is the number of timesteps whose decibels lie above the cut. */
function snrUniformBounds(groups: number, schedule: NoiseSchedule, clipDb: number | null): number[] {
  const magnitude = clipDb ?? Infinity;
  const clipped = schedule.snrDb.map((db) => Math.max(-magnitude, Math.min(magnitude, db)));
  const easiest = clipped[clipped.length - 1];
  const range = clipped[0] - easiest;
  const inner = Array.from({ length: groups - 1 }, (_, j) => {
    const cut = clipped[0] - ((j + 1) * range) / groups;
    return clipped.filter((db) => db > cut).length;
  });
  return [0, ...inner, schedule.timesteps];
}

/** The bounds, each moved into the interval that its left neighbour and the groups still to come leave open. */
function withinLimits(bounds: readonly number[], { smallest, largest }: SizeLimits): number[] {
  const groups = bounds.length - 1;
  const timesteps = bounds[groups];
  const legal = [0];
  for (let j = 1; j <= groups; j++) {
    const left = legal[j - 1];
    const lowest = Math.max(left + smallest, timesteps - (groups - j) * largest);
    const highest = Math.min(left + largest, timesteps - (groups - j) * smallest);
    legal.push(Math.max(lowest, Math.min(highest, bounds[j])));
  }
  return legal;
}
