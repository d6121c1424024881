import { inputError } from '../contract/errors.js';
import { mapResidualBlocks, residualBlocks } from './residualBlocks.js';
import type { ResBlockSpec, UNetSpec } from './spec.js';

/** A width that can shrink, and every tensor that must shrink with it. */
export interface PrunableWidth {
  /** Stable name, e.g. `down_blocks.0.resnets.0.inner`. */
  readonly id: string;
  /** Channels now. */
  readonly width: number;
  /** Channels of one norm group: legal widths are its multiples. */
  readonly unit: number;
  /** The tensors whose `axis` these channels are. All of an id's members lose the same indices. */
  readonly members: readonly WidthMember[];
}

export interface WidthMember {
  readonly tensor: string;
  /** Axis in the host layout of `Weights`. */
  readonly axis: number;
}

/**
 * The prunable widths of a network, in the order of the forward pass: the inner width of every residual block, which nothing
 * outside the block reads.
 *
 * Whole groups of the block's second norm are removed, and the group count shrinks with the width, so the kept groups keep
 * their channels and hence their statistics: slicing then equals masking the removed channels after norm and activation.
 */
export function prunableWidths(spec: UNetSpec): PrunableWidth[] {
  return residualBlocks(spec).map(({ name, res }) => ({
    id: innerId(name),
    width: res.inner,
    unit: normGroupSize(res),
    members: [
      { tensor: `${name}.conv1.weight`, axis: 0 },
      { tensor: `${name}.conv1.bias`, axis: 0 },
      { tensor: `${name}.time_emb_proj.weight`, axis: 0 },
      { tensor: `${name}.time_emb_proj.bias`, axis: 0 },
      { tensor: `${name}.norm2.weight`, axis: 0 },
      { tensor: `${name}.norm2.bias`, axis: 0 },
      { tensor: `${name}.conv2.weight`, axis: 1 },
    ],
  }));
}

/**
 * The same network with these widths; norm group counts follow, so that a norm group keeps its number of channels.
 *
 * @param widths `PrunableWidth.id` to channels; widths that are not named stay
 * @throws `WIDTH_UNKNOWN` for an id that the network does not have
 * @throws `WIDTH_INVALID` for a width that is not a positive multiple of the unit, or larger than it is now
 */
export function withWidths(spec: UNetSpec, widths: ReadonlyMap<string, number>): UNetSpec {
  assertKnown(spec, widths.keys());
  return mapResidualBlocks(spec, (res, name) => {
    const id = innerId(name);
    const inner = widths.get(id) ?? res.inner;
    const unit = normGroupSize(res);
    if (!Number.isInteger(inner / unit) || inner < unit || inner > res.inner) {
      throw inputError(
        'WIDTH_INVALID',
        `${id} cannot have ${inner} channels`,
        `choose a multiple of ${unit}, the channels of a norm group, from ${unit} to ${res.inner}`,
      );
    }
    return { ...res, inner, norm2Groups: inner / unit };
  });
}

/** @throws `WIDTH_UNKNOWN` for an id that is not one of the network's prunable widths */
export function assertKnown(spec: UNetSpec, ids: Iterable<string>): void {
  const known = new Set(residualBlocks(spec).map(({ name }) => innerId(name)));
  for (const id of ids) {
    if (known.has(id)) continue;
    throw inputError(
      'WIDTH_UNKNOWN',
      `the network has no prunable width "${id}"`,
      `its widths are named like "${[...known][0]}"`,
    );
  }
}

function innerId(block: string): string {
  return `${block}.inner`;
}

function normGroupSize(res: ResBlockSpec): number {
  return res.inner / res.norm2Groups;
}
