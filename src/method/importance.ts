import type { PrunableWidth } from '../model/prunableWidths.js';
import type { WeightArray, Weights } from '../model/weights.js';
import { randomUniform } from '../tensor/random.js';
import { spearman } from './rankCorrelation.js';

/** `PrunableWidth.id` to one score per channel; never negative, larger = more important. */
export type ImportanceScores = ReadonlyMap<string, Float64Array>;

/** The channels that are scored, and where they are. */
export type ScoredWidth = Pick<PrunableWidth, 'id' | 'width' | 'members'>;

/**
 * Agreement of the scores from even batches with those from odd batches (Spearman's rank correlation): near 1 the evidence
 * suffices to rank channels, near 0 it is noise. Null where undefined (one batch, or all scores equal).
 */
export interface ImportanceConfidence {
  /** Over the channels of all widths together. */
  readonly overall: number | null;
  readonly perWidth: ReadonlyMap<string, number | null>;
}

/** Importance by chance, uniform in [0, 1): what every other criterion has to beat. A function of the seed and the width. */
export function randomImportance(widths: readonly ScoredWidth[], seed: number): ImportanceScores {
  return new Map(
    widths.map(({ id, width }) => [
      id,
      Float64Array.from(randomUniform({ seed, stream: `importance/${id}`, index: 0 }, width)),
    ]),
  );
}

/**
 * Importance by weight magnitude: per channel, the sum over each member's slice of |w| (`l1`) or w squared (`l2`), averaged
 * over the members, divided by the mean over the width's channels. The mean score of a width is therefore 1, which makes
 * layers of different scale comparable.
 */
export function magnitudeImportance(
  widths: readonly ScoredWidth[],
  weights: Weights,
  norm: 'l1' | 'l2',
): ImportanceScores {
  const size = norm === 'l1' ? Math.abs : (weight: number) => weight ** 2;
  return new Map(
    widths.map((scored) => {
      const { width, members } = scored;
      const scores = new Float64Array(width);
      for (const member of members) {
        const array = weights.get(member.tensor)!;
        addSliceSums(scores, array, member, (index) => size(array.data[index]) / members.length);
      }
      const mean = scores.reduce((sum, score) => sum + score, 0) / width;
      return [scored.id, mean > 0 ? scores.map((score) => score / mean) : scores];
    }),
  );
}

/** How the products of weights and gradients of a slice become one number: the sum of |w g|, or of (w g) squared. */
export type TaylorTerm = 'absolute' | 'squared';

/** Adds one batch's Taylor terms to `scores`, channel by channel. */
export function addTaylorScores(
  scores: ReadonlyMap<string, Float64Array>,
  widths: readonly Pick<ScoredWidth, 'id' | 'members'>[],
  weights: Weights,
  gradients: Weights,
  term: TaylorTerm,
): void {
  const size = term === 'absolute' ? Math.abs : (product: number) => product ** 2;
  for (const { id, members } of widths) {
    for (const member of members) {
      const weight = weights.get(member.tensor)!;
      const gradient = gradients.get(member.tensor)!.data;
      addSliceSums(scores.get(id)!, weight, member, (index) => size(weight.data[index] * gradient[index]));
    }
  }
}

/** Confidence from the scores of two halves of the evidence. */
export function agreement(even: ImportanceScores, odd: ImportanceScores): ImportanceConfidence {
  const all = (half: ImportanceScores) => [...even.keys()].flatMap((id) => [...half.get(id)!]);
  return {
    overall: spearman(all(even), all(odd)),
    perWidth: new Map([...even].map(([id, values]) => [id, spearman(values, odd.get(id)!)])),
  };
}

/** Adds `value(flat index)` of every element of a member to the channel that the element has on its axis (row-major order). */
function addSliceSums(
  sums: Float64Array,
  { shape, data }: WeightArray,
  { axis, offset }: ScoredWidth['members'][number],
  value: (index: number) => number,
): void {
  const stride = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const row = shape[axis] * stride;
  for (let start = offset * stride; start < data.length; start += row) {
    for (let channel = 0, index = start; channel < sums.length; channel++) {
      for (const end = index + stride; index < end; index++) sums[channel] += value(index);
    }
  }
}
