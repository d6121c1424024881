import type { UNetSpec } from '../model/spec.js';
import { keptChannels, lossPerMac, rankChannels, type ChannelRanking } from './channelRanking.js';
import type { ImportanceScores } from './importance.js';
import {
  assertReachable,
  costChange,
  macsOfWidths,
  widthSpace,
  type WidthChoice,
  type WidthRule,
  type WidthSpace,
} from './widthSpace.js';

export interface Allocation {
  /** Width of every prunable width. */
  readonly widths: ReadonlyMap<string, number>;
  /** MACs that these widths cost. */
  readonly macs: number;
  /** Cost that was asked for; that of the widths differs from it by at most the tolerance of the width space. */
  readonly targetMacs: number;
}

export interface AllocationOptions {
  readonly spec: UNetSpec;
  readonly scores: ImportanceScores;
  readonly targetMacs: number;
  /** `uniform`: one kept ratio for all widths. `global`: the least importance per MAC goes first, wherever it is. */
  readonly method: 'uniform' | 'global';
  readonly rule: WidthRule;
}

/**
 * Chooses widths for a budget.
 *
 * Both methods remove one unit of channels at a time in an order that does not depend on the budget, and the budget only says
 * where to stop: at the nearest MACs on that chain. Hence a greater budget never gives a smaller width, nor less kept
 * importance, and the error is at most half the MACs of one unit.
 *
 * @throws BUDGET_UNREACHABLE when minimum widths cost more, or the base costs less
 */
export function allocateWidths(options: AllocationOptions): Allocation {
  const space = widthSpace(options.spec, options.rule);
  return allocateInSpace(space, rankChannels(space.prunable, options.scores), options);
}

/** `allocateWidths` for a caller who already holds the space and the ranking. */
export function allocateInSpace(
  space: WidthSpace,
  ranking: ChannelRanking,
  options: Pick<AllocationOptions, 'targetMacs' | 'method'>,
): Allocation {
  const { targetMacs, method } = options;
  assertReachable(space, targetMacs);
  // With the same priority for all, `nextRemoval` falls back on the largest kept fraction: one ratio for all widths.
  const widths = new Map(space.choices.map(({ id, full }) => [id, full]));
  const priority = method === 'global' ? (choice: WidthChoice) => lossPerMac(ranking, choice, widths) : () => 0;
  let macs = space.maxMacs;
  while (macs > targetMacs) {
    const choice = nextRemoval(space, widths, priority);
    if (choice === null) break;
    // The step below the target is taken only if it ends at least as near as the step above it.
    const overshoot = macs - targetMacs;
    const saved = -costChange(choice, widths, -1);
    if (Math.abs(overshoot - saved) > overshoot) break;
    widths.set(choice.id, widths.get(choice.id)! - choice.unit);
    macs -= saved;
  }
  return { widths, macs: macsOfWidths(space, widths), targetMacs };
}

/** The shrinkable width of lowest priority; among equals the one that keeps the largest fraction, then the first. */
function nextRemoval(
  space: WidthSpace,
  widths: ReadonlyMap<string, number>,
  priority: (choice: WidthChoice) => number,
): WidthChoice | null {
  let best: { choice: WidthChoice; priority: number; fraction: number } | null = null;
  for (const choice of space.choices) {
    const width = widths.get(choice.id)!;
    if (width <= choice.minimum) continue;
    const candidate = { choice, priority: priority(choice), fraction: width / choice.full };
    const better =
      best === null ||
      candidate.priority < best.priority ||
      (candidate.priority === best.priority && candidate.fraction > best.fraction);
    if (better) best = candidate;
  }
  return best?.choice ?? null;
}

/**
 * The channels to keep for these widths: in each, the sets of greatest summed importance.
 *
 * @returns sorted channel indices for every ranked width; one that `widths` does not name keeps all
 */
export function keepIndices(ranking: ChannelRanking, widths: ReadonlyMap<string, number>): Map<string, number[]> {
  return new Map(
    [...ranking].map(([id, ranked]) => [id, keptChannels(ranked, widths.get(id) ?? ranked.sets.flat().length)]),
  );
}
