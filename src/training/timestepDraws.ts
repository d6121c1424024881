import { randomIntegers, randomUniform, type RandomKey } from '../tensor/random.js';

/** Which timesteps a network is trained on, and how they are drawn. Plain data, so that another thread can be told it. */
export interface TimestepDraw {
  /** The timestep group, [from, to). */
  readonly from: number;
  readonly to: number;
  /** Number of diffusion timesteps T. */
  readonly timesteps: number;
  /** Timesteps beyond each border that are drawn like the group's own; cut off at 0 and T. */
  readonly overlap: number;
  /** Probability that a timestep is drawn from all of [0, T) instead. */
  readonly outsideProbability: number;
  /** Draw the widened group's timesteps in mirrored pairs. */
  readonly antithetic?: boolean;
}

/** Uniform over [from, to). */
export function intervalOfTimesteps(from: number, to: number): TimestepDraw {
  return { from, to, timesteps: to, overlap: 0, outsideProbability: 0 };
}

/**
 * The timesteps of a batch, a function of the key alone: uniform over the group widened by its overlap; with
 * `outsideProbability`, uniform over all timesteps.
 *
 * @returns (count) integers in [0, T)
 */
export function drawTimesteps(draw: TimestepDraw, key: RandomKey, count: number): Int32Array {
  const { from, to, timesteps, overlap, outsideProbability, antithetic = false } = draw;
  const widened = [Math.max(0, from - overlap), Math.min(timesteps, to + overlap)] as const;
  const inside = antithetic ? mirroredPairs(key, count, ...widened) : uniform(key, count, ...widened);
  if (outsideProbability === 0) return inside;
  const anywhere = uniform({ ...key, stream: `${key.stream}/outside` }, count, 0, timesteps);
  const coin = randomUniform({ ...key, stream: `${key.stream}/coin` }, count);
  return inside.map((timestep, image) => (coin[image] < outsideProbability ? anywhere[image] : timestep));
}

/** Uniform over [from, to). */
function uniform(key: RandomKey, count: number, from: number, to: number): Int32Array {
  return randomIntegers({ ...key, stream: `${key.stream}/uniform` }, count, from, to);
}

/** Uniform over [from, to) in pairs t and from + to - 1 - t: the mean timestep of every even batch is the middle exactly. */
function mirroredPairs(key: RandomKey, count: number, from: number, to: number): Int32Array {
  const first = uniform(key, (count + 1) >> 1, from, to);
  return Int32Array.from({ length: count }, (_, image) =>
    image % 2 === 0 ? first[image >> 1] : from + to - 1 - first[image >> 1],
  );
}
