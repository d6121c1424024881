import type { PrunableWidth } from '../model/prunableWidths.js';

/** What becomes of a fraction of a removable set: `down` leaves it, `up` removes the whole set. */
export type RatioRounding = 'down' | 'up';

/**
 * Widths after removing one ratio of every width's channels, the rule that the literature's pruned networks are named after.
 *
 * Of C channels, C - int(C (1 - ratio)) are asked for. Where they come in sets of `unit`, `down` removes as many whole sets as
 * fit (Diff-Pruning, arXiv 2305.10924), while `up` removes s - int(s (1 - ratio)) of the s sets (Torch-Pruning 1.6). The
 * effective ratio thus differs from the one asked for, often by much.
 *
 * @param ratio of channels to remove, in [0, 1); at least one set stays
 * @returns `PrunableWidth.id` to channels
 */
export function uniformRatioWidths(
  widths: readonly Pick<PrunableWidth, 'id' | 'width' | 'unit'>[],
  ratio: number,
  rounding: RatioRounding,
): Map<string, number> {
  return new Map(
    widths.map(({ id, width, unit }) => {
      const sets = width / unit;
      const asked = (count: number) => count - Math.trunc(count * (1 - ratio));
      const removed = rounding === 'down' ? Math.floor(asked(width) / unit) : asked(sets);
      return [id, unit * Math.max(1, sets - removed)];
    }),
  );
}
