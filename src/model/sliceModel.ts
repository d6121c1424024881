import { inputError } from '../contract/errors.js';
import { prunableWidths, type PrunableWidth, type PruningRule } from './prunableWidths.js';
import type { UNetSpec } from './spec.js';
import type { WeightArray, Weights } from './weights.js';
import { assertKnown, resize } from './withWidths.js';

/**
 * Removes channels from a network: the spec with the new widths, and the weights that belong to the kept channels.
 *
 * Works on anything laid out like the weights: pass the moving average or an optimizer's moments to slice them alike.
 *
 * @param keep `PrunableWidth.id` to the kept channels, ascending, in whole sets; widths that are not named stay whole
 * @returns new maps; tensors that lose nothing are shared with `weights`
 * @throws `WIDTH_UNKNOWN` for an id that is no prunable width of the network within the rule's scope
 * @throws `KEEP_INVALID` for indices that are out of range, not ascending, or not whole sets of the rule's norm policy
 */
export function sliceModel(
  spec: UNetSpec,
  weights: Weights,
  keep: ReadonlyMap<string, readonly number[]>,
  rule: PruningRule,
): { spec: UNetSpec; weights: Weights } {
  const prunable = prunableWidths(spec, rule);
  assertKnown(prunable, keep.keys());
  const widths = new Map<string, number>();
  for (const width of prunable) {
    const channels = keep.get(width.id);
    if (channels === undefined) continue;
    assertWholeSets(width, channels);
    widths.set(width.id, channels.length);
  }
  const removing = prunable.filter(({ id, width }) => (widths.get(id) ?? width) < width);
  return { spec: resize(spec, widths, rule.normPolicy), weights: takeChannels(weights, removing, keep) };
}

/**
 * The weights with the channels of each of these groups replaced by a choice of them, in the order of the choice.
 *
 * @param chosen a list of channels for every id in `groups`
 */
export function takeChannels(
  weights: Weights,
  groups: readonly Pick<PrunableWidth, 'id' | 'width' | 'members'>[],
  chosen: ReadonlyMap<string, readonly number[]>,
): Weights {
  const parts = new Map<string, Map<0 | 1, AxisPart[]>>();
  for (const { id, width, members } of groups) {
    for (const { tensor, axis, offset } of members) {
      const axes = parts.get(tensor) ?? new Map<0 | 1, AxisPart[]>();
      axes.set(axis, [...(axes.get(axis) ?? []), { offset, width, channels: chosen.get(id)! }]);
      parts.set(tensor, axes);
    }
  }
  const taken = new Map(weights);
  for (const [tensor, axes] of parts) {
    for (const [axis, axisParts] of axes) {
      const array = taken.get(tensor)!;
      taken.set(tensor, takeAlongAxis(array, axis, axisIndices(array.shape[axis], axisParts)));
    }
  }
  return taken;
}

/** The channels of one group on an axis, and which of them are taken. */
interface AxisPart {
  readonly offset: number;
  readonly width: number;
  readonly channels: readonly number[];
}

/** Indices taken of an axis: those chosen in each part, and everything between the parts. */
function axisIndices(length: number, parts: readonly AxisPart[]): number[] {
  const indices: number[] = [];
  let next = 0;
  const takeUpTo = (end: number) => {
    while (next < end) indices.push(next++);
  };
  for (const { offset, width, channels } of parts.toSorted((a, b) => a.offset - b.offset)) {
    takeUpTo(offset);
    for (const channel of channels) indices.push(offset + channel);
    next = offset + width;
  }
  takeUpTo(length);
  return indices;
}

function assertWholeSets({ id, width, unit, spread }: PrunableWidth, keep: readonly number[]): void {
  const refuse = (why: string) =>
    inputError(
      'KEEP_INVALID',
      `the channels to keep of ${id} ${why}`,
      spread
        ? `list channels of 0 to ${width - 1} in ascending order, as many from each run of ${width / unit}`
        : `list channels of 0 to ${width - 1} in ascending order, in whole norm groups of ${unit}`,
    );
  if (keep.length === 0) throw refuse('are none');
  if (!keep.every((channel) => Number.isInteger(channel) && channel >= 0 && channel < width)) {
    throw refuse('are out of range');
  }
  if (!keep.every((channel, i) => i === 0 || channel > keep[i - 1])) throw refuse('are not in ascending order');
  if (spread) {
    const perRun = new Array<number>(unit).fill(0);
    for (const channel of keep) perRun[Math.floor(channel / (width / unit))]++;
    if (!perRun.every((count) => count === perRun[0])) throw refuse('are not as many from each norm group');
    return;
  }
  // Ascending and distinct, so a run of `unit` that starts on a border and ends `unit - 1` later is one whole group.
  const whole = keep.every((channel, i) => (i % unit === 0 ? channel % unit === 0 : channel === keep[i - 1] + 1));
  if (!whole || keep.length % unit !== 0) throw refuse('split a norm group');
}

/** The slices of `array` at these indices of an axis, in their order. */
function takeAlongAxis({ shape, data }: WeightArray, axis: number, indices: readonly number[]): WeightArray {
  const before = shape.slice(0, axis).reduce((product, length) => product * length, 1);
  const after = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
  const taken = new Float32Array(before * indices.length * after);
  let to = 0;
  for (let row = 0; row < before; row++) {
    for (const index of indices) {
      const from = (row * shape[axis] + index) * after;
      taken.set(data.subarray(from, from + after), to);
      to += after;
    }
  }
  return { shape: shape.with(axis, indices.length), data: taken };
}
