import { channelSites } from './channelFlow.js';
import type { ResBlockSpec, UNetSpec } from './spec.js';

/** A residual block and where it is. */
interface LocatedResBlock {
  /** Prefix of its tensors' names, e.g. `down_blocks.0.resnets.1`. */
  readonly name: string;
  readonly res: ResBlockSpec;
}

/** Every residual block in the order of the forward pass. Pruning changes widths, never this order. */
export function residualBlocks(spec: UNetSpec): LocatedResBlock[] {
  return channelSites(spec).flatMap((site) => (site.kind === 'residual' ? [{ name: site.name, res: site.res }] : []));
}
