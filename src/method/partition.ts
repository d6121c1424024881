import type { GroupingConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import type { NoiseSchedule } from '../diffusion/noiseSchedule.js';
import { absoluteDeviation, optimalBounds } from './intervalClustering.js';

export interface Partition {
  /** N + 1 bounds 0 = b_0 < ... < b_N = T; group j = [b_j, b_{j+1}), group 0 = least noise. */
  readonly bounds: number[];
  /**
   * Sum over timesteps of the distance to the median of their group: in timesteps for `uniform` and `dp-timestep`, in decibels
   * of SNR for `snr-uniform` and `dp-snr`. The `dp-` method has the least cost of its pair.
   */
  readonly cost: number;
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
 *
 * Every group holds at least one timestep. `minSize` and `maxSize` bind every method; where the first two break them, bounds
 * move by as little as goes from least noise upwards.
 *
 * @throws input errors `GROUPS_EXCEED_TIMESTEPS`, `GROUP_SIZE_INFEASIBLE`
 */
export function partitionTimesteps(config: GroupingConfig, schedule: NoiseSchedule): Partition {
  const { method, groups } = config;
  const { timesteps } = schedule;
  const limits = sizeLimits(config, timesteps);
  // The clustering wants ascending positions, and difficulty falls with t.
  const positions =
    method === 'uniform' || method === 'dp-timestep'
      ? Float64Array.from({ length: timesteps }, (_, t) => t)
      : schedule.snrDb.map((db) => -db);
  const deviation = absoluteDeviation(positions);
  let bounds: number[];
  if (method === 'uniform') bounds = withinLimits(uniformBounds(groups, timesteps), limits);
  else if (method === 'snr-uniform') bounds = withinLimits(snrUniformBounds(groups, schedule, config.clipDb), limits);
  else bounds = optimalBounds(deviation, groups, timesteps, limits);
  const cost = bounds.slice(1).reduce((sum, to, j) => sum + deviation(bounds[j], to), 0);
  return { bounds, cost };
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
