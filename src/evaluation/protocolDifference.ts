/** One thing two measurements did differently. */
export interface ProtocolDifference {
  /** Path in the protocol, such as `sampler.steps`. */
  readonly field: string;
  readonly first: unknown;
  readonly second: unknown;
  /** What it does to the value. */
  readonly effect: string;
}

/** By the beginning of the field, the first that fits. */
const EFFECTS: readonly (readonly [string, string])[] = [
  ['metric', 'the values are distances in different features: they have no common scale'],
  ['features.accuracy', 'the feature networks were trained apart'],
  ['features', 'the values are distances in different features: they have no common scale'],
  ['samples', 'a Frechet distance of fewer images is larger, by about c / N'],
  ['seeds', 'other noises; differences within the spread over seeds mean nothing'],
  ['sampler.visited', 'the network is called at other timesteps'],
  ['sampler', 'the images are drawn in another way'],
  ['weights', 'raw weights usually give worse images than their moving average'],
  ['resize', 'the way of resizing alone can change a Frechet distance by several points'],
  ['reference', 'the distance is to other real images'],
  ['kernel', 'the kernel distance is taken over other subsets; the Frechet distance is untouched'],
  ['neighbours', 'precision and recall look at other neighbourhoods; the distances are untouched'],
  ['splits', 'the Inception Score is split otherwise; the distances are untouched'],
  ['extrapolation', 'the line is fitted to other sizes; the plain distances are untouched'],
  ['sets.0.path', 'the name alone: the hash tells whether the images are the same'],
  ['sets.1.path', 'the name alone: the hash tells whether the images are the same'],
  ['sets.0.hash', 'other generated images were measured'],
  ['sets.0', 'a Frechet distance of fewer images is larger, by about c / N'],
  ['sets', 'the distance is to other real images'],
  ['software', 'rounding may differ; values should agree to about three digits'],
];

/** What is measured rather than how: generated images may differ, and names may. */
const SUBJECTS: readonly string[] = ['sets.0.path', 'sets.0.hash', 'sets.1.path'];

/** Whether values with these differences between their protocols stand on one scale. */
export function mayBeCompared(differences: readonly ProtocolDifference[]): boolean {
  return differences.every(({ field }) => SUBJECTS.includes(field));
}

/** Every field in which two protocols differ, of evaluations or of comparisons of two sets. */
export function protocolDifferences(first: object, second: object): ProtocolDifference[] {
  const [a, b] = [flatten(first), flatten(second)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((field) => JSON.stringify(a.get(field)) !== JSON.stringify(b.get(field)))
    .map((field) => ({
      field,
      first: a.get(field) ?? null,
      second: b.get(field) ?? null,
      effect: EFFECTS.find(([beginning]) => field.startsWith(beginning))?.[1] ?? 'the values were measured otherwise',
    }));
}

/** Fields of nested objects and of lists of objects under joined names; lists of values stay whole. */
function flatten(value: object, prefix = ''): Map<string, unknown> {
  return new Map(
    Object.entries(value).flatMap(([key, inner]: [string, unknown]): [string, unknown][] => {
      const isValues = Array.isArray(inner) && inner.every((value) => typeof value !== 'object');
      const isObject = typeof inner === 'object' && inner !== null && !isValues;
      return isObject ? [...flatten(inner, `${prefix}${key}.`)] : [[`${prefix}${key}`, inner]];
    }),
  );
}
