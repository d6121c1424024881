import type { AttentionSpec, BlockSpec, ResBlockSpec, UNetSpec } from './spec.js';

/** Adjacent channels that come from one source; a concatenation has several. */
export interface Segment {
  /** Name of the source: the stream that `conv_in`, a shortcut or a resampling convolution began. */
  readonly source: string;
  readonly width: number;
}

/** The channels between two layers, in order. */
export type Stream = readonly Segment[];

/** A place where the streams of images meet weights. */
export type ChannelSite =
  /** A convolution outside of blocks, which begins a stream. `conv_in` reads the image, an empty stream. */
  | {
      readonly kind: 'conv-in' | 'downsample' | 'upsample';
      readonly name: string;
      readonly input: Stream;
      readonly output: Stream;
    }
  | {
      readonly kind: 'residual';
      readonly name: string;
      readonly res: ResBlockSpec;
      readonly input: Stream;
      /** The input itself where the block has no shortcut: the block adds to it. */
      readonly output: Stream;
      readonly path: 'down' | 'mid' | 'up';
    }
  /** Reads a stream and adds to it. */
  | { readonly kind: 'attention'; readonly name: string; readonly attention: AttentionSpec; readonly input: Stream }
  /** The last norm and convolution. */
  | { readonly kind: 'head'; readonly name: string; readonly input: Stream };

/**
 * Follows the channels of a network from the image to its output, in the order of the forward pass. Streams that a residual
 * block without shortcut, or an attention block, adds to stay the same stream: their channels are tied.
 */
export function channelSites(spec: UNetSpec): ChannelSite[] {
  const sites: ChannelSite[] = [];
  const begin = (name: string, width: number): Stream => [{ source: `${name}.out`, width }];
  const conv = (kind: 'conv-in' | 'downsample' | 'upsample', name: string, input: Stream, width: number): Stream => {
    const output = begin(name, width);
    sites.push({ kind, name, input, output });
    return output;
  };
  const residual = (res: ResBlockSpec, name: string, path: 'down' | 'mid' | 'up', input: Stream): Stream => {
    const output = res.shortcut ? begin(name, res.out) : input;
    sites.push({ kind: 'residual', name, res, input, output, path });
    return output;
  };
  const block = ({ res, attention }: BlockSpec, level: string, index: number, path: 'down' | 'up', input: Stream) => {
    const output = residual(res, `${level}.resnets.${index}`, path, input);
    if (attention !== null) {
      sites.push({ kind: 'attention', name: `${level}.attentions.${index}`, attention, input: output });
    }
    return output;
  };

  let current = conv('conv-in', 'conv_in', [], spec.convIn);
  const skips = [current];
  spec.down.forEach((level, i) => {
    const name = `down_blocks.${i}`;
    level.blocks.forEach((its, j) => skips.push((current = block(its, name, j, 'down', current))));
    if (level.downsample === null) return;
    skips.push((current = conv('downsample', `${name}.downsamplers.0.conv`, current, level.downsample)));
  });

  const { first, attention, second } = spec.mid;
  current = residual(first, 'mid_block.resnets.0', 'mid', current);
  sites.push({ kind: 'attention', name: 'mid_block.attentions.0', attention, input: current });
  current = residual(second, 'mid_block.resnets.1', 'mid', current);

  spec.up.forEach((level, i) => {
    const name = `up_blocks.${i}`;
    level.blocks.forEach((its, j) => (current = block(its, name, j, 'up', [...current, ...skips.pop()!])));
    if (level.upsample === null) return;
    current = conv('upsample', `${name}.upsamplers.0.conv`, current, level.upsample);
  });
  sites.push({ kind: 'head', name: 'conv_norm_out', input: current });
  return sites;
}

export function streamWidth(stream: Stream): number {
  return stream.reduce((sum, { width }) => sum + width, 0);
}
