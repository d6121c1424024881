import { failure } from '../contract/errors.js';
import type { PrunableWidth } from '../model/prunableWidths.js';
import type { ImportanceScores } from './importance.js';
import { costChange, type WidthChoice } from './widthSpace.js';

/** The sets of channels that can be removed from one width, most important first; equal ones in channel order. */
export interface RankedSets {
  /** Channels of each set. */
  readonly sets: readonly (readonly number[])[];
  /** Summed importance of each, in the same order, so never increasing. */
  readonly importance: readonly number[];
}

/** `PrunableWidth.id` to its ranked sets. */
export type ChannelRanking = ReadonlyMap<string, RankedSets>;

/**
 * Ranks the sets of channels that are removed together: norm groups or single channels by the importance of their channels;
 * where a set takes one channel from each norm group, the best of each, then the second of each, and so on.
 *
 * @throws IMPORTANCE_MISMATCH when the scores are not those of these widths
 */
export function rankChannels(
  widths: readonly Pick<PrunableWidth, 'id' | 'width' | 'unit' | 'spread'>[],
  scores: ImportanceScores,
): ChannelRanking {
  return new Map(
    widths.map(({ id, width, unit, spread }) => {
      const channels = scores.get(id);
      if (channels?.length !== width || !channels.every(Number.isFinite)) {
        throw failure(
          'IMPORTANCE_MISMATCH',
          `the importance of ${id} has ${channels?.length ?? 'no'} values where ${width} finite ones are needed`,
          'compute the importance again from the model that is pruned',
        );
      }
      const ranked = spread ? spreadSets(channels, unit) : contiguousSets(channels, unit);
      return [id, { sets: ranked.map(({ set }) => set), importance: ranked.map(({ sum }) => sum) }];
    }),
  );
}

/** The channels of the `width / set size` most important sets, ascending. */
export function keptChannels({ sets }: RankedSets, width: number): number[] {
  return sets
    .slice(0, width / sets[0].length)
    .flat()
    .sort((a, b) => a - b);
}

/** Importance per MAC (or its time) of what `choice` would lose next at these widths: its least important kept unit. */
export function lossPerMac(ranking: ChannelRanking, choice: WidthChoice, widths: ReadonlyMap<string, number>): number {
  const width = widths.get(choice.id)!;
  return unitImportance(ranking, choice, width - choice.unit) / -costChange(choice, widths, -1);
}

/** Importance per MAC (or its time) of what `choice` would gain next at these widths: its most important missing unit. */
export function gainPerMac(ranking: ChannelRanking, choice: WidthChoice, widths: ReadonlyMap<string, number>): number {
  return unitImportance(ranking, choice, widths.get(choice.id)!) / costChange(choice, widths, 1);
}

/** Importance of the unit that follows the `from` most important channels. */
function unitImportance(ranking: ChannelRanking, { id, unit, setSize }: WidthChoice, from: number): number {
  const { importance } = ranking.get(id)!;
  let sum = 0;
  for (let set = from / setSize; set < (from + unit) / setSize; set++) sum += importance[set];
  return sum;
}

interface ScoredSet {
  readonly set: readonly number[];
  readonly sum: number;
}

function contiguousSets(scores: Float64Array, unit: number): ScoredSet[] {
  return Array.from({ length: scores.length / unit }, (_, index) => {
    const set = Array.from({ length: unit }, (_, channel) => index * unit + channel);
    return { set, sum: sumOf(scores, set) };
  }).sort((a, b) => b.sum - a.sum || a.set[0] - b.set[0]);
}

function spreadSets(scores: Float64Array, runs: number): ScoredSet[] {
  const length = scores.length / runs;
  const ranked = Array.from({ length: runs }, (_, run) =>
    Array.from({ length }, (_, channel) => run * length + channel).sort((a, b) => scores[b] - scores[a] || a - b),
  );
  return Array.from({ length }, (_, rank) => {
    const set = ranked.map((channels) => channels[rank]);
    return { set, sum: sumOf(scores, set) };
  });
}

function sumOf(scores: Float64Array, channels: readonly number[]): number {
  return channels.reduce((sum, channel) => sum + scores[channel], 0);
}
