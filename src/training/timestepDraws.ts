import { randomIntegers, randomUniform, type RandomKey } from '../tensor/random.js';

/** Draws the timesteps of a batch: `count` integers, a function of the key alone. */
export type TimestepDraw = (key: RandomKey, count: number) => Int32Array;

/** Uniform over [from, to). */
export function uniformTimesteps(from: number, to: number): TimestepDraw {
  return (key, count) => randomIntegers({ ...key, stream: `${key.stream}/uniform` }, count, from, to);
}

/** Uniform over [from, to) in pairs t and from + to - 1 - t: the mean timestep of every even batch is the middle exactly. */
function antitheticTimesteps(from: number, to: number): TimestepDraw {
  const draw = uniformTimesteps(from, to);
  return (key, count) => {
    const first = draw(key, (count + 1) >> 1);
    return Int32Array.from({ length: count }, (_, image) =>
      image % 2 === 0 ? first[image >> 1] : from + to - 1 - first[image >> 1],
    );
  };
}

/** How an expert draws the timesteps it is fine-tuned on. */
interface GroupDraw {
  /** The expert's group, [from, to). */
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

/** Uniform over a group widened by its overlap; with `outsideProbability`, uniform over all timesteps. */
export function groupTimesteps(options: GroupDraw): TimestepDraw {
  const { from, to, timesteps, overlap, outsideProbability, antithetic = false } = options;
  const draw = antithetic ? antitheticTimesteps : uniformTimesteps;
  const group = draw(Math.max(0, from - overlap), Math.min(timesteps, to + overlap));
  if (outsideProbability === 0) return group;
  const all = uniformTimesteps(0, timesteps);
  return (key, count) => {
    const inside = group(key, count);
    const anywhere = all({ ...key, stream: `${key.stream}/outside` }, count);
    const coin = randomUniform({ ...key, stream: `${key.stream}/coin` }, count);
    return inside.map((timestep, image) => (coin[image] < outsideProbability ? anywhere[image] : timestep));
  };
}
