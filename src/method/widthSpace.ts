import type { PruningConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import type { LatencyTable } from '../contract/results.js';
import { countModel, networkMacs } from '../model/countModel.js';
import { prunableWidths, type PrunableWidth } from '../model/prunableWidths.js';
import type { UNetSpec } from '../model/spec.js';
import { resize, withWidths } from '../model/withWidths.js';
import { latencyCosts } from './latencyCosts.js';

/** Which widths are legal. */
export type WidthRule = Pick<PruningConfig, 'normPolicy' | 'scope' | 'minimumKeep'> &
  Partial<Pick<PruningConfig, 'widthMultiple'>>;

/** One width that may shrink, and the grid it lives on. */
export interface WidthChoice {
  /** `PrunableWidth.id`. */
  readonly id: string;
  /** Channels in the base model. */
  readonly full: number;
  /**
   * Channels that are removed at a time: one removable set (`PrunableWidth.unit`), or several where sets are small or widths
   * shall be multiples of a number.
   */
  readonly unit: number;
  /** Channels of one removable set. */
  readonly setSize: number;
  /** Smallest legal width, a multiple of `unit`, at least one unit. */
  readonly minimum: number;
  /** MACs that one unit costs while all other widths are full: the most it can cost. NaN where there is one unit only. */
  readonly macsPerUnit: number;
  /** In a space of measured time: the cost of 0, 1, ... units (`latencyCosts`), in place of the MACs. */
  readonly timeCosts: readonly number[] | null;
  /** What one unit costs less for every unit that another width has lost. Empty for inner widths, whose neighbours stay. */
  readonly couplings: readonly {
    readonly id: string;
    readonly full: number;
    readonly unit: number;
    readonly macs: number;
  }[];
}

/** All legal widths of a base model. */
export interface WidthSpace {
  readonly spec: UNetSpec;
  readonly rule: WidthRule;
  /** The same widths with their channels, as slicing needs them. */
  readonly prunable: readonly PrunableWidth[];
  readonly choices: readonly WidthChoice[];
  /** `macs`: costs are multiply-accumulates; `latency`: they are MACs of equal time (`latencyCosts`). */
  readonly measure: PruningConfig['cost'];
  /** Cost with every width at its minimum. */
  readonly minMacs: number;
  /** Cost of the base model: its MACs, by either measure. */
  readonly maxMacs: number;
  /** Half the cost of the dearest unit: what the grid's coarseness can force on any budget. */
  readonly tolerance: number;
}

/** Float slack for budgets that were computed as ratio x MACs. */
const RELATIVE_SLACK = 1e-9;
/** Most units of a width, so that a search does not take hundreds of steps where single channels could be removed. */
const MAX_UNITS = 64;

/**
 * The legal widths of `spec`, and what they cost.
 * @param latency times to cost them by, in place of MACs
 */
export function widthSpace(spec: UNetSpec, rule: WidthRule, latency: LatencyTable | null = null): WidthSpace {
  const prunable = prunableWidths(spec, rule);
  const limits = prunable.map((width) => limitsOf(width, rule));
  const maxMacs = networkMacs(spec);
  const times = latency && latencyCosts(latency, limits, maxMacs);
  const choices = withCosts(spec, rule, limits, maxMacs).map((choice) => ({
    ...choice,
    timeCosts: times?.get(choice.id) ?? null,
  }));
  const shrinkable = choices.filter((choice) => choice.minimum < choice.full);
  const smallest = new Map(choices.map(({ id, minimum }) => [id, minimum]));
  return {
    spec,
    rule,
    prunable,
    choices,
    measure: times === null ? 'macs' : 'latency',
    ...(times === null ? reachableMacs(spec, rule) : { minMacs: maxMacs - timeSaved(choices, smallest), maxMacs }),
    tolerance: shrinkable.reduce((most, choice) => Math.max(most, dearestUnit(choice) / 2), 0),
  };
}

function dearestUnit({ timeCosts, macsPerUnit }: WidthChoice): number {
  if (timeCosts === null) return macsPerUnit;
  return timeCosts.slice(1).reduce((most, cost, index) => Math.max(most, cost - timeCosts[index]), 0);
}

/** Cost that these widths save of the base's, by measured time. */
function timeSaved(choices: readonly WidthChoice[], widths: ReadonlyMap<string, number>): number {
  return choices.reduce((sum, { id, full, unit, timeCosts }) => {
    return sum + timeCosts![full / unit] - timeCosts![widths.get(id)! / unit];
  }, 0);
}

/** The MACs that pruning by this rule can reach, inclusive at both ends. */
export function reachableMacs(spec: UNetSpec, rule: WidthRule): { minMacs: number; maxMacs: number } {
  const smallest = new Map(prunableWidths(spec, rule).map((width) => [width.id, limitsOf(width, rule).minimum]));
  return { minMacs: networkMacs(resize(spec, smallest, rule.normPolicy)), maxMacs: networkMacs(spec) };
}

/** Convolution and linear MACs of the base model with these widths, one image, one forward pass. */
export function macsOfWidths(space: WidthSpace, widths: ReadonlyMap<string, number>): number {
  return countModel(withWidths(space.spec, widths, space.rule)).macs;
}

/** What a network of these widths costs by the space's measure. */
export function costOfWidths(space: WidthSpace, widths: ReadonlyMap<string, number>): number {
  return space.measure === 'macs' ? macsOfWidths(space, widths) : space.maxMacs - timeSaved(space.choices, widths);
}

/**
 * What so many units more (or, below zero, less) of this width cost while the others have these widths, by the space's measure.
 * The result has the sign of `units`.
 */
export function costChange(choice: WidthChoice, widths: ReadonlyMap<string, number>, units: number): number {
  const { id: own, unit: ownUnit, timeCosts, macsPerUnit, couplings } = choice;
  if (timeCosts !== null) {
    const now = widths.get(own)! / ownUnit;
    return timeCosts[now + units] - timeCosts[now];
  }
  const each = couplings.reduce(
    (sum, { id, full, unit, macs }) => sum - (macs * (full - widths.get(id)!)) / unit,
    macsPerUnit,
  );
  return units * each;
}

type Limits = Pick<WidthChoice, 'id' | 'full' | 'unit' | 'setSize' | 'minimum'>;

function limitsOf({ id, width, unit: setSize }: PrunableWidth, rule: WidthRule): Limits {
  const { minimumKeep, widthMultiple = 1 } = rule;
  const sets = width / setSize;
  // A width that is no such multiple itself has no smaller ones that the base's grid could reach.
  const multiple = width % widthMultiple === 0 ? widthMultiple : 1;
  let setsPerUnit = Math.ceil(sets / MAX_UNITS);
  while (sets % setsPerUnit !== 0 || (setSize * setsPerUnit) % multiple !== 0) setsPerUnit++;
  const unit = setSize * setsPerUnit;
  const units = width / unit;
  const minimum = unit * Math.min(units, Math.max(1, Math.ceil(minimumKeep * units - RELATIVE_SLACK)));
  return { id, full: width, unit, setSize, minimum };
}

/**
 * A layer's MACs are the product of at most two different widths, so the network's are determined by the base, by every width
 * less one unit, and by every pair of widths less one unit each. All of them are counted, none is modelled.
 */
function withCosts(
  spec: UNetSpec,
  rule: WidthRule,
  limits: readonly Limits[],
  maxMacs: number,
): Omit<WidthChoice, 'timeCosts'>[] {
  const macsWithout = (...shrunk: readonly Limits[]) =>
    networkMacs(resize(spec, new Map(shrunk.map(({ id, full, unit }) => [id, full - unit])), rule.normPolicy));
  const able = limits.filter(({ full, unit }) => full > unit);
  const saved = new Map(able.map((width) => [width.id, maxMacs - macsWithout(width)]));
  const couplings = new Map(able.map(({ id }) => [id, [] as WidthChoice['couplings'][number][]]));
  able.forEach((a, index) => {
    for (const b of able.slice(index + 1)) {
      const macs = saved.get(a.id)! + saved.get(b.id)! - (maxMacs - macsWithout(a, b));
      if (macs === 0) continue;
      couplings.get(a.id)!.push({ id: b.id, full: b.full, unit: b.unit, macs });
      couplings.get(b.id)!.push({ id: a.id, full: a.full, unit: a.unit, macs });
    }
  });
  return limits.map((width) => ({
    ...width,
    macsPerUnit: saved.get(width.id) ?? Number.NaN,
    couplings: couplings.get(width.id) ?? [],
  }));
}

/** @throws BUDGET_UNREACHABLE, naming the reachable range */
export function assertReachable(space: WidthSpace, targetMacs: number): void {
  const { minMacs, maxMacs, measure } = space;
  const slack = RELATIVE_SLACK * maxMacs;
  if (targetMacs >= minMacs - slack && targetMacs <= maxMacs + slack) return;
  const words = (cost: number) =>
    measure === 'macs'
      ? `${Math.round(cost)} MACs (${(cost / maxMacs).toFixed(4)} of the base)`
      : `${(cost / maxMacs).toFixed(4)} of the base's measured time`;
  throw inputError(
    'BUDGET_UNREACHABLE',
    `pruning in scope "${space.rule.scope}" cannot bring the model to ${words(targetMacs)}`,
    `choose a budget from ${words(minMacs)} to ${words(maxMacs)}, or lower pruning.minimumKeep`,
  );
}
