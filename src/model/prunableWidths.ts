import type { PruningConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import {
  dependencyGroups,
  type DependencyGroup,
  type DependencyKind,
  type TensorChannels,
} from './dependencyGroups.js';
import type { UNetSpec } from './spec.js';

/** Which widths may shrink, and what happens to the norms that their channels pass through. */
export type PruningRule = Pick<PruningConfig, 'normPolicy' | 'scope'>;

/** A width that can shrink, and every tensor that must shrink with it. */
export interface PrunableWidth {
  /** Stable name, e.g. `down_blocks.0.resnets.0.inner`. */
  readonly id: string;
  readonly kind: DependencyKind;
  /** Channels now. */
  readonly width: number;
  /** Channels are removed in sets of this many: legal widths are its multiples. */
  readonly unit: number;
  /** True when a set takes one channel from each of `unit` equal runs; otherwise a set is a run of `unit` channels. */
  readonly spread: boolean;
  /** The tensors whose axis these channels are. All of them lose the same channels. */
  readonly members: readonly TensorChannels[];
}

const SCOPES: Readonly<Record<PruningRule['scope'], ReadonlySet<DependencyKind> | null>> = {
  inner: new Set<DependencyKind>(['inner']),
  'inner+attention': new Set<DependencyKind>(['inner', 'attention-qk', 'attention-v']),
  all: null,
};

/**
 * The prunable widths of a network within the rule's scope, in the order of the forward pass.
 *
 * What the rule's policy does where channels pass through a GroupNorm:
 * - `whole-groups` removes whole groups of the norm, and the norm's group count shrinks with the width. The kept groups keep
 *   their channels and hence their statistics, so that slicing equals masking the removed channels after norm and activation.
 *   This is possible only where one norm reads the channels: in inner widths.
 * - `equal-per-group` removes as many channels from each group (Diff-Pruning, arXiv 2305.10924); group counts stay.
 * - `gcd` removes any channels; a norm then has gcd(channels, groups before) groups.
 *
 * Where no norm is, any channels can go; of an attention block with several heads, as many from each head.
 *
 * @throws `PRUNING_RULE` for whole norm groups in a scope where channels pass through several norms
 */
export function prunableWidths(spec: UNetSpec, { normPolicy, scope }: PruningRule): PrunableWidth[] {
  if (normPolicy === 'whole-groups' && scope === 'all') {
    throw inputError(
      'PRUNING_RULE',
      'whole norm groups cannot be removed where several norms of different group sizes read the same channels',
      'set pruning.normPolicy to equal-per-group or gcd, or pruning.scope to inner or inner+attention',
    );
  }
  const kinds = SCOPES[scope];
  return dependencyGroups(spec, 'separate')
    .filter(({ kind }) => kinds === null || kinds.has(kind))
    .map((group) => prunableWidth(group, normPolicy));
}

/** How the channels of one group of tied channels can be removed. */
export function prunableWidth(group: DependencyGroup, normPolicy: PruningRule['normPolicy']): PrunableWidth {
  const { id, kind, width, producers, consumers, norms } = group;
  const normTensors = norms.flatMap(({ name, offset }): TensorChannels[] => [
    { tensor: `${name}.weight`, axis: 0, offset },
    { tensor: `${name}.bias`, axis: 0, offset },
  ]);
  const members = [...producers, ...normTensors, ...consumers];
  return { id, kind, width, ...removableSets(group, normPolicy), members };
}

function removableSets(
  { width, runs, norms }: DependencyGroup,
  normPolicy: PruningRule['normPolicy'],
): Pick<PrunableWidth, 'unit' | 'spread'> {
  if (runs > 1) return { unit: runs, spread: true };
  if (norms.length === 0 || normPolicy === 'gcd') return { unit: 1, spread: false };
  if (normPolicy === 'whole-groups') return { unit: width / norms[0].groups, spread: false };
  const unit = norms.reduce((multiple, { groups }) => leastCommonMultiple(multiple, groups), 1);
  // In a network that was pruned by another policy the groups may not divide the width: then it cannot shrink.
  return { unit: width % unit === 0 ? unit : width, spread: true };
}

export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function leastCommonMultiple(a: number, b: number): number {
  return (a / greatestCommonDivisor(a, b)) * b;
}
