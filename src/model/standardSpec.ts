import { inputError } from '../contract/errors.js';
import type { AttentionSpec, ResBlockSpec, UNetSpec } from './spec.js';

/** A network whose widths follow from its levels: what a config or diffusers' `UNet2DModel` can say. */
export interface StandardNetwork {
  /** Side of the square images, pixels. */
  readonly size: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Highest resolution first. */
  readonly levels: readonly StandardLevel[];
  /** Residual blocks per level on the way down; the way up has one more. */
  readonly blocks: number;
  readonly normGroups: number;
  readonly normEps: number;
  readonly dropout: number;
  readonly scaleShift: boolean;
  /** Width of the time embedding; by default four times the first level's channels. */
  readonly timeWidth?: number;
}

interface StandardLevel {
  readonly channels: number;
  readonly downAttention: boolean;
  readonly upAttention: boolean;
  /** Heads of each attention block of the level; the middle has those of the lowest level. */
  readonly heads: number;
}

/**
 * Every width of the DDPM U-Net (arXiv 2006.11239, appendix B): residual blocks per level, a strided convolution between
 * levels, a middle of block, attention, block, and on the way up blocks that read [current, skip].
 *
 * @throws `MODEL_SHAPE` when sizes or norm groups do not divide
 */
export function standardSpec(network: StandardNetwork): UNetSpec {
  validate(network);
  const { levels, blocks, normGroups } = network;
  const first = levels[0].channels;
  const timeWidth = network.timeWidth ?? 4 * first;
  const res = (input: number, out: number): ResBlockSpec => ({
    in: input,
    inner: out,
    out,
    norm1Groups: normGroups,
    norm2Groups: normGroups,
    shortcut: input !== out,
  });
  const attention = ({ channels, heads }: StandardLevel): AttentionSpec => ({
    channels,
    qk: channels,
    v: channels,
    normGroups,
    heads,
    scaleWidth: channels / heads,
  });

  const skips = [first];
  let current = first;
  const down = levels.map((level, i) => {
    const { channels, downAttention } = level;
    const levelBlocks = Array.from({ length: blocks }, () => {
      const block = { res: res(current, channels), attention: downAttention ? attention(level) : null };
      current = channels;
      skips.push(current);
      return block;
    });
    const downsample = i < levels.length - 1 ? channels : null;
    if (downsample !== null) skips.push(downsample);
    return { blocks: levelBlocks, downsample };
  });

  const mid = {
    first: res(current, current),
    attention: attention(levels[levels.length - 1]),
    second: res(current, current),
  };

  const up = levels.toReversed().map((level, i) => {
    const { channels, upAttention } = level;
    const levelBlocks = Array.from({ length: blocks + 1 }, () => {
      const input = current + skips.pop()!;
      current = channels;
      return { res: res(input, channels), attention: upAttention ? attention(level) : null };
    });
    return { blocks: levelBlocks, upsample: i < levels.length - 1 ? channels : null };
  });

  return {
    size: network.size,
    inChannels: network.inChannels,
    outChannels: network.outChannels,
    time: { sinusoid: first, hidden: timeWidth, out: timeWidth },
    scaleShift: network.scaleShift,
    convIn: first,
    down,
    mid,
    up,
    normOutGroups: normGroups,
    normEps: network.normEps,
    dropout: network.dropout,
  };
}

function validate({ size, levels, normGroups }: StandardNetwork): void {
  const halvings = levels.length - 1;
  if (size % 2 ** halvings !== 0) {
    throw inputError(
      'MODEL_SHAPE',
      `images of ${size} pixels cannot be halved ${halvings} times, as ${levels.length} levels need`,
      `use fewer levels, or images whose side is a multiple of ${2 ** halvings}`,
    );
  }
  const uneven = levels.find(({ channels }) => channels % normGroups !== 0);
  if (uneven) {
    throw inputError(
      'MODEL_SHAPE',
      `${normGroups} norm groups do not divide the ${uneven.channels} channels of a level`,
      'choose norm groups that divide the channels of every level',
    );
  }
  const headless = levels.find(
    ({ channels, heads, ...level }, i) =>
      (level.downAttention || level.upAttention || i === halvings) && channels % heads !== 0,
  );
  if (headless) {
    throw inputError(
      'MODEL_SHAPE',
      `${headless.heads} attention heads do not divide the ${headless.channels} channels of a level`,
      'choose a number of heads that divides the channels of every level with attention, and of the lowest',
    );
  }
  // Half are sines and half are cosines, whose frequencies are spaced by 1 / (half - 1).
  if (levels[0].channels % 2 !== 0 || levels[0].channels < 4) {
    throw inputError(
      'MODEL_SHAPE',
      `the time embedding cannot have ${levels[0].channels} channels, the width of the first level`,
      'give the first level an even number of channels, at least 4',
    );
  }
}
