import type { ResBlockSpec, UNetSpec } from './spec.js';

/** A residual block and where it is. */
export interface LocatedResBlock {
  /** Prefix of its tensors' names, e.g. `down_blocks.0.resnets.1`. */
  readonly name: string;
  readonly res: ResBlockSpec;
}

/** Every residual block in the order of the forward pass. Pruning changes widths, never this order. */
export function residualBlocks(spec: UNetSpec): LocatedResBlock[] {
  const blocks: LocatedResBlock[] = [];
  mapResidualBlocks(spec, (res, name) => {
    blocks.push({ name, res });
    return res;
  });
  return blocks;
}

/** A copy of `spec` with each residual block replaced by `replace(block, name)`, called in the order of the forward pass. */
export function mapResidualBlocks(
  spec: UNetSpec,
  replace: (res: ResBlockSpec, name: string) => ResBlockSpec,
): UNetSpec {
  const mapLevels = <Level extends UNetSpec['down'][number] | UNetSpec['up'][number]>(
    levels: readonly Level[],
    path: 'down_blocks' | 'up_blocks',
  ): Level[] =>
    levels.map((level, i) => ({
      ...level,
      blocks: level.blocks.map((block, j) => ({ ...block, res: replace(block.res, `${path}.${i}.resnets.${j}`) })),
    }));
  const down = mapLevels(spec.down, 'down_blocks');
  const mid = {
    ...spec.mid,
    first: replace(spec.mid.first, 'mid_block.resnets.0'),
    second: replace(spec.mid.second, 'mid_block.resnets.1'),
  };
  return { ...spec, down, mid, up: mapLevels(spec.up, 'up_blocks') };
}
