import { inputError } from '../contract/errors.js';
import { assertKnown, prunableWidths, withWidths, type PrunableWidth } from './prunableWidths.js';
import type { UNetSpec } from './spec.js';
import type { WeightArray, Weights } from './weights.js';

/**
 * Removes channels from a network: the spec with the new widths, and the weights that belong to the kept channels.
 *
 * Works on anything laid out like the weights: pass the moving average or an optimizer's moments to slice them alike.
 *
 * @param keep `PrunableWidth.id` to the kept channels, ascending, in whole norm groups; widths that are not named stay whole
 * @returns new maps; tensors that lose nothing are shared with `weights`
 * @throws `WIDTH_UNKNOWN` for an id that the network does not have
 * @throws `KEEP_INVALID` for indices that are out of range, not ascending, or not whole norm groups
 */
export function sliceModel(
  spec: UNetSpec,
  weights: Weights,
  keep: ReadonlyMap<string, readonly number[]>,
): { spec: UNetSpec; weights: Weights } {
  assertKnown(spec, keep.keys());
  const sliced = new Map(weights);
  const widths = new Map<string, number>();
  for (const width of prunableWidths(spec)) {
    const channels = keep.get(width.id);
    if (channels === undefined) continue;
    assertWholeGroups(width, channels);
    widths.set(width.id, channels.length);
    if (channels.length === width.width) continue;
    for (const { tensor, axis } of width.members) {
      sliced.set(tensor, takeAlongAxis(sliced.get(tensor)!, axis, channels));
    }
  }
  return { spec: withWidths(spec, widths), weights: sliced };
}

function assertWholeGroups({ id, width, unit }: PrunableWidth, keep: readonly number[]): void {
  const refuse = (why: string) =>
    inputError(
      'KEEP_INVALID',
      `the channels to keep of ${id} ${why}`,
      `list channels of 0 to ${width - 1} in ascending order, in whole norm groups of ${unit}`,
    );
  if (keep.length === 0) throw refuse('are none');
  if (!keep.every((channel) => Number.isInteger(channel) && channel >= 0 && channel < width)) {
    throw refuse('are out of range');
  }
  if (!keep.every((channel, i) => i === 0 || channel > keep[i - 1])) throw refuse('are not in ascending order');
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
