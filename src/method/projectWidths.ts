import { gainPerMac, lossPerMac, type ChannelRanking } from './channelRanking.js';
import {
  assertReachable,
  costChange,
  costOfWidths,
  macsOfWidths,
  type WidthChoice,
  type WidthSpace,
} from './widthSpace.js';

/** Legal widths within `WidthSpace.tolerance` of a budget. */
export interface ProjectedWidths {
  readonly accepted: true;
  readonly widths: ReadonlyMap<string, number>;
  readonly macs: number;
  /** What was changed, one sentence each; empty exactly when the proposal was taken as it is. */
  readonly repairs: readonly string[];
}

export interface RejectedProposal {
  readonly accepted: false;
  readonly reason: string;
}

/**
 * Brings any proposal onto the legal grid and to the budget, changing as little as it can: unknown widths are dropped,
 * missing or non-finite ones start from the base's, others move to the nearest legal width. If the result lies further from
 * the budget than the tolerance, channels of least importance per MAC are removed until it fits, and the best missing ones that
 * still fit are added.
 *
 * Proposers may be anything (a search, a language model, a file), so nothing about `proposal` is trusted. A proposal that
 * names no width of this model with a finite number is rejected.
 *
 * @throws BUDGET_UNREACHABLE when no legal widths meet the budget
 */
export function projectWidths(
  proposal: ReadonlyMap<string, number>,
  space: WidthSpace,
  ranking: ChannelRanking,
  targetMacs: number,
): ProjectedWidths | RejectedProposal {
  assertReachable(space, targetMacs);
  if (!space.choices.some(({ id }) => Number.isFinite(proposal.get(id)))) {
    return { accepted: false, reason: 'the proposal names no width of this model with a finite number' };
  }
  const { widths, repairs } = ontoGrid(proposal, space);
  const before = new Map(widths);
  const proposedCost = costOfWidths(space, widths);
  if (Math.abs(proposedCost - targetMacs) <= space.tolerance) {
    return { accepted: true, widths, macs: macsOfWidths(space, widths), repairs };
  }
  const proposedMacs = macsOfWidths(space, widths);
  ontoBudget(widths, proposedCost, space, ranking, targetMacs);
  const macs = macsOfWidths(space, widths);
  const moved = space.choices
    .filter(({ id }) => widths.get(id) !== before.get(id))
    .map(({ id }) => `${id} ${before.get(id)} to ${widths.get(id)}`);
  return {
    accepted: true,
    widths,
    macs,
    repairs: [...repairs, `${proposedMacs} MACs brought to ${macs}: ${moved.join(', ')}`],
  };
}

function ontoGrid(
  proposal: ReadonlyMap<string, number>,
  space: WidthSpace,
): { widths: Map<string, number>; repairs: string[] } {
  const known = new Set(space.choices.map(({ id }) => id));
  const repairs = [...proposal.keys()].filter((id) => !known.has(id)).map((id) => `${id} is no width of this model`);
  const widths = new Map<string, number>();
  for (const choice of space.choices) {
    const asked = proposal.get(choice.id);
    const width = nearestLegal(choice, asked);
    widths.set(choice.id, width);
    if (asked === undefined) repairs.push(`${choice.id} was missing: kept at ${width}`);
    else if (asked !== width) repairs.push(`${choice.id} ${asked} to ${width}, the nearest legal width`);
  }
  return { widths, repairs };
}

function nearestLegal(choice: WidthChoice, asked: number | undefined): number {
  if (asked === undefined || !Number.isFinite(asked)) return choice.full;
  const onGrid = Math.round(asked / choice.unit) * choice.unit;
  return Math.min(choice.full, Math.max(choice.minimum, onGrid));
}

/** Changes `widths`, which cost `macs`, until they are within the tolerance of the target. */
function ontoBudget(
  widths: Map<string, number>,
  macs: number,
  space: WidthSpace,
  ranking: ChannelRanking,
  targetMacs: number,
): void {
  const resize = (choice: WidthChoice, units: number) => {
    macs += costChange(choice, widths, units);
    widths.set(choice.id, widths.get(choice.id)! + units * choice.unit);
  };
  while (macs > targetMacs) {
    const shrinkable = space.choices.filter(({ id, minimum }) => widths.get(id)! > minimum);
    const choice = leastBy(shrinkable, (c) => lossPerMac(ranking, c, widths));
    if (choice === null) break;
    resize(choice, -1);
  }
  const growable = () => space.choices.filter(({ id, full }) => widths.get(id)! < full);
  for (;;) {
    const fitting = growable().filter((choice) => macs + costChange(choice, widths, 1) <= targetMacs);
    const choice = leastBy(fitting, (c) => -gainPerMac(ranking, c, widths));
    if (choice === null) break;
    resize(choice, 1);
  }
  // Nothing fits under the target any more; one more unit may still end nearer to it, above.
  if (targetMacs - macs > space.tolerance) {
    const cheapest = leastBy(growable(), (choice) => costChange(choice, widths, 1));
    if (cheapest !== null) resize(cheapest, 1);
  }
}

function leastBy(choices: readonly WidthChoice[], key: (choice: WidthChoice) => number): WidthChoice | null {
  let least: { choice: WidthChoice; key: number } | null = null;
  for (const choice of choices) {
    const value = key(choice);
    if (least === null || value < least.key) least = { choice, key: value };
  }
  return least?.choice ?? null;
}
