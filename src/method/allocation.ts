import type { UNetSpec } from '../model/spec.js';
import { prunableWidths } from '../model/prunableWidths.js';
import type { ImportanceScores } from './importance.js';
import { lossPerMac, rankNormGroups, type NormGroupRanking } from './normGroups.js';
import { assertReachable, macsOfWidths, widthSpace, type WidthChoice, type WidthSpace } from './widthSpace.js';

export interface Allocation {
  /** Width of every prunable width. */
  readonly widths: ReadonlyMap<string, number>;
  /** MACs that these widths cost. */
  readonly macs: number;
  /** MACs that were asked for; `macs` differs from it by at most half a norm group. */
  readonly targetMacs: number;
}

export interface AllocationOptions {
  readonly spec: UNetSpec;
  readonly scores: ImportanceScores;
  readonly targetMacs: number;
  /** `uniform`: one kept ratio for all widths. `global`: the least importance per MAC goes first, wherever it is. */
  readonly method: 'uniform' | 'global';
  /** Smallest kept fraction of any width, in (0, 1]. */
  readonly minimumKeep: number;
}

/**
 * Chooses widths for a budget.
 *
 * Both methods remove norm groups one at a time in an order that does not depend on the budget, and the budget only says
 * where to stop: at the nearest MACs on that chain. Hence a greater budget never gives a smaller width, nor less kept
 * importance, and the error is at most half the MACs of one norm group.
 *
 * @throws BUDGET_UNREACHABLE when minimum widths cost more, or the base costs less
 */
export function allocateWidths(options: AllocationOptions): Allocation {
  const space = widthSpace(options.spec, options.minimumKeep);
  return allocateInSpace(space, rankNormGroups(space.choices, options.scores), options);
}

/** `allocateWidths` for a caller who already holds the space and the ranking. */
export function allocateInSpace(
  space: WidthSpace,
  ranking: NormGroupRanking,
  options: Pick<AllocationOptions, 'targetMacs' | 'method'>,
): Allocation {
  const { targetMacs, method } = options;
  assertReachable(space, targetMacs);
  // With the same priority for all, `nextRemoval` falls back on the largest kept fraction: one ratio for all widths.
  const priority = method === 'global' ? (c: WidthChoice, width: number) => lossPerMac(ranking, c, width) : () => 0;

  const widths = new Map(space.choices.map(({ id, full }) => [id, full]));
  let macs = space.maxMacs;
  while (macs > targetMacs) {
    const choice = nextRemoval(space, widths, priority);
    if (choice === null) break;
    // The step below the target is taken only if it ends at least as near as the step above it.
    const overshoot = macs - targetMacs;
    if (Math.abs(overshoot - choice.macsPerUnit) > overshoot) break;
    widths.set(choice.id, widths.get(choice.id)! - choice.unit);
    macs -= choice.macsPerUnit;
  }
  return { widths, macs: macsOfWidths(space, widths), targetMacs };
}

/** The shrinkable width of lowest priority; among equals the one that keeps the largest fraction, then the first. */
function nextRemoval(
  space: WidthSpace,
  widths: ReadonlyMap<string, number>,
  priority: (choice: WidthChoice, width: number) => number,
): WidthChoice | null {
  let best: { choice: WidthChoice; priority: number; fraction: number } | null = null;
  for (const choice of space.choices) {
    const width = widths.get(choice.id)!;
    if (width <= choice.minimum) continue;
    const candidate = { choice, priority: priority(choice, width), fraction: width / choice.full };
    const better =
      best === null ||
      candidate.priority < best.priority ||
      (candidate.priority === best.priority && candidate.fraction > best.fraction);
    if (better) best = candidate;
  }
  return best?.choice ?? null;
}

/** The MACs that pruning can reach, inclusive at both ends. */
export function reachableMacs(spec: UNetSpec, minimumKeep: number): { min: number; max: number } {
  const { minMacs, maxMacs } = widthSpace(spec, minimumKeep);
  return { min: minMacs, max: maxMacs };
}

/**
 * The channels to keep for these widths: in each, the whole norm groups of greatest summed importance.
 *
 * @returns sorted channel indices for every prunable width of `spec`; a width that `widths` does not name keeps all
 */
export function keepIndices(
  spec: UNetSpec,
  scores: ImportanceScores,
  widths: ReadonlyMap<string, number>,
): Map<string, number[]> {
  const choices = prunableWidths(spec).map(({ id, width, unit }) => ({ id, full: width, unit }));
  const ranking = rankNormGroups(choices, scores);
  return new Map(
    choices.map(({ id, full, unit }) => {
      const kept = ranking.get(id)!.order.slice(0, (widths.get(id) ?? full) / unit);
      const channels = kept
        .sort((a, b) => a - b)
        .flatMap((group) => Array.from({ length: unit }, (_, channel) => group * unit + channel));
      return [id, channels];
    }),
  );
}
