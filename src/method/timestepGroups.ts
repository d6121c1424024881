import { inputError } from '../contract/errors.js';

/** A contiguous interval [from, to) of timesteps that one expert denoises. Group 0 holds the least noise. */
export interface TimestepGroup {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The groups between N + 1 bounds 0 = b_0 < b_1 < ... < b_N = T.
 * @throws input error `BOUNDS_INVALID`
 */
export function groupsFromBounds(bounds: readonly number[]): TimestepGroup[] {
  const ascending = bounds.every(
    (bound, i) => Number.isInteger(bound) && (i === 0 ? bound === 0 : bound > bounds[i - 1]),
  );
  if (bounds.length < 2 || !ascending) {
    throw inputError(
      'BOUNDS_INVALID',
      `${bounds.join(', ')} are not the bounds of timestep groups`,
      'give whole numbers that start with 0, grow, and end with the number of timesteps',
    );
  }
  return bounds.slice(1).map((to, index) => ({ index, from: bounds[index], to }));
}

/**
 * The group that timestep `t` belongs to. Training, pruning, sampling and reports all ask this one function.
 * @throws RangeError for a timestep outside [0, T)
 */
export function groupOfTimestep(bounds: readonly number[], t: number): number {
  const end = bounds.findIndex((bound) => t < bound);
  if (end <= 0) throw new RangeError(`timestep ${t} is outside [0, ${bounds[bounds.length - 1]})`);
  return end - 1;
}
