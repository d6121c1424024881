import { failure } from '../contract/errors.js';
import type { ImportanceScores } from './importance.js';
import type { WidthChoice } from './widthSpace.js';

/** The norm groups of one width, most important first; equal ones in channel order. */
export interface RankedNormGroups {
  /** Indices of norm groups; group g holds channels [g * unit, (g + 1) * unit). */
  readonly order: readonly number[];
  /** Summed importance of each, in the same order, so never increasing. */
  readonly importance: readonly number[];
}

/** `WidthChoice.id` to its ranked norm groups. */
export type NormGroupRanking = ReadonlyMap<string, RankedNormGroups>;

/**
 * Ranks whole norm groups by the importance of their channels.
 *
 * @throws IMPORTANCE_MISMATCH when the scores are not those of these widths
 */
export function rankNormGroups(
  choices: readonly Pick<WidthChoice, 'id' | 'full' | 'unit'>[],
  scores: ImportanceScores,
): NormGroupRanking {
  return new Map(
    choices.map(({ id, full, unit }) => {
      const channels = scores.get(id);
      if (channels?.length !== full || !channels.every(Number.isFinite)) {
        throw failure(
          'IMPORTANCE_MISMATCH',
          `the importance of ${id} has ${channels?.length ?? 'no'} values where ${full} finite ones are needed`,
          'compute the importance again from the model that is pruned',
        );
      }
      const sums = Array.from({ length: full / unit }, (_, group) =>
        channels.subarray(group * unit, (group + 1) * unit).reduce((sum, value) => sum + value, 0),
      );
      const order = sums.map((_, group) => group).sort((a, b) => sums[b] - sums[a] || a - b);
      return [id, { order, importance: order.map((group) => sums[group]) }];
    }),
  );
}

/** Importance per MAC of the norm group that `choice` would lose next at this width: its least important kept one. */
export function lossPerMac(ranking: NormGroupRanking, choice: WidthChoice, width: number): number {
  return ranking.get(choice.id)!.importance[width / choice.unit - 1] / choice.macsPerUnit;
}

/** Importance per MAC of the norm group that `choice` would gain next at this width: its most important missing one. */
export function gainPerMac(ranking: NormGroupRanking, choice: WidthChoice, width: number): number {
  return ranking.get(choice.id)!.importance[width / choice.unit] / choice.macsPerUnit;
}
