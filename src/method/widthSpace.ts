import { inputError } from '../contract/errors.js';
import { countModel } from '../model/countModel.js';
import { prunableWidths, withWidths } from '../model/prunableWidths.js';
import type { UNetSpec } from '../model/spec.js';

/** One width that may shrink, and the grid it lives on. */
export interface WidthChoice {
  /** `PrunableWidth.id`. */
  readonly id: string;
  /** Channels in the base model. */
  readonly full: number;
  /** Channels of one norm group; legal widths are multiples of it. */
  readonly unit: number;
  /** Smallest legal width, a multiple of `unit`, at least one unit. */
  readonly minimum: number;
  /** MACs that one norm group costs. Constant, because a layer's MACs are linear in an inner width. */
  readonly macsPerUnit: number;
}

/** All legal widths of a base model. */
export interface WidthSpace {
  readonly spec: UNetSpec;
  readonly choices: readonly WidthChoice[];
  /** MACs with every width at its minimum. */
  readonly minMacs: number;
  /** MACs of the base model. */
  readonly maxMacs: number;
  /** Half the cost of the dearest norm group, MACs: what the grid's coarseness can force on any budget. */
  readonly tolerance: number;
}

/** Float slack for budgets that were computed as ratio x MACs. */
const RELATIVE_SLACK = 1e-9;

/**
 * The legal widths of `spec`, whole norm groups at a time: only so do the kept groups keep their statistics, and the sliced
 * model equals the masked one.
 *
 * @param minimumKeep smallest kept fraction of any width, in (0, 1]
 */
export function widthSpace(spec: UNetSpec, minimumKeep: number): WidthSpace {
  const maxMacs = countModel(spec).macs;
  const choices = prunableWidths(spec).map(({ id, width, unit }): WidthChoice => {
    const units = width / unit;
    const minimum = unit * Math.min(units, Math.max(1, Math.ceil(minimumKeep * units - RELATIVE_SLACK)));
    const macsPerUnit =
      units > 1 ? maxMacs - countModel(withWidths(spec, new Map([[id, width - unit]]))).macs : Number.NaN;
    return { id, full: width, unit, minimum, macsPerUnit };
  });
  const shrinkable = choices.filter((choice) => choice.minimum < choice.full);
  const smallest = new Map(choices.map(({ id, minimum }) => [id, minimum]));
  return {
    spec,
    choices,
    minMacs: countModel(withWidths(spec, smallest)).macs,
    maxMacs,
    tolerance: shrinkable.reduce((most, choice) => Math.max(most, choice.macsPerUnit / 2), 0),
  };
}

/** Convolution and linear MACs of the base model with these widths, one image, one forward pass. */
export function macsOfWidths(space: WidthSpace, widths: ReadonlyMap<string, number>): number {
  return countModel(withWidths(space.spec, widths)).macs;
}

/** @throws BUDGET_UNREACHABLE, naming the reachable range */
export function assertReachable(space: WidthSpace, targetMacs: number): void {
  const { minMacs, maxMacs } = space;
  const slack = RELATIVE_SLACK * maxMacs;
  if (targetMacs >= minMacs - slack && targetMacs <= maxMacs + slack) return;
  const words = (macs: number) => `${Math.round(macs)} MACs (${(macs / maxMacs).toFixed(4)} of the base)`;
  throw inputError(
    'BUDGET_UNREACHABLE',
    `pruning inner widths cannot bring the model to ${words(targetMacs)}`,
    `choose a budget from ${words(minMacs)} to ${words(maxMacs)}, or lower pruning.minimumKeep`,
  );
}
