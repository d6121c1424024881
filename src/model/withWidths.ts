import { inputError } from '../contract/errors.js';
import { channelSites, streamWidth, type Stream } from './channelFlow.js';
import { greatestCommonDivisor, prunableWidths, type PrunableWidth, type PruningRule } from './prunableWidths.js';
import type { AttentionSpec, BlockSpec, ResBlockSpec, UNetSpec } from './spec.js';

/**
 * The same network with these widths: whatever reads a narrower stream becomes narrower with it, and norm group counts follow
 * the rule's policy. The scale of attention scores stays that of the width the network was trained with.
 *
 * @param widths `PrunableWidth.id` to channels; widths that are not named stay
 * @throws `WIDTH_UNKNOWN` for an id that is no prunable width of the network within the rule's scope
 * @throws `WIDTH_INVALID` for a width that is not a positive multiple of the unit, or larger than it is now
 */
export function withWidths(spec: UNetSpec, widths: ReadonlyMap<string, number>, rule: PruningRule): UNetSpec {
  const prunable = prunableWidths(spec, rule);
  assertKnown(prunable, widths.keys());
  for (const width of prunable) assertLegal(width, widths.get(width.id) ?? width.width);
  return resize(spec, widths, rule.normPolicy);
}

/** @throws `WIDTH_UNKNOWN` for an id that is not one of the prunable widths */
export function assertKnown(prunable: readonly Pick<PrunableWidth, 'id'>[], ids: Iterable<string>): void {
  const known = new Set(prunable.map(({ id }) => id));
  for (const id of ids) {
    if (known.has(id)) continue;
    throw inputError(
      'WIDTH_UNKNOWN',
      `the network has no prunable width "${id}" in this scope`,
      `its widths are named like "${[...known][0]}"`,
    );
  }
}

function assertLegal({ id, unit, width: full }: PrunableWidth, width: number): void {
  if (Number.isInteger(width / unit) && width >= unit && width <= full) return;
  throw inputError(
    'WIDTH_INVALID',
    `${id} cannot have ${width} channels`,
    `choose a multiple of ${unit}, the channels that are removed at once, from ${unit} to ${full}`,
  );
}

/** The network with these widths of its groups of tied channels, without looking whether they are legal. */
export function resize(
  spec: UNetSpec,
  widths: ReadonlyMap<string, number>,
  normPolicy: PruningRule['normPolicy'],
): UNetSpec {
  const sites = new Map(channelSites(spec).map((site) => [site.name, site]));
  const width = (id: string, now: number) => widths.get(id) ?? now;
  const total = (stream: Stream) =>
    streamWidth(stream.map((part) => ({ ...part, width: width(part.source, part.width) })));
  const read = (name: string) => total(sites.get(name)!.input);
  const groups = (before: number, channels: number, channelsBefore: number) => {
    if (normPolicy === 'whole-groups') return channels / (channelsBefore / before);
    return normPolicy === 'gcd' ? greatestCommonDivisor(channels, before) : before;
  };

  const residual = (res: ResBlockSpec, name: string): ResBlockSpec => {
    const input = read(name);
    const inner = width(`${name}.inner`, res.inner);
    return {
      ...res,
      in: input,
      inner,
      out: res.shortcut ? width(`${name}.out`, res.out) : input,
      norm1Groups: groups(res.norm1Groups, input, res.in),
      norm2Groups: groups(res.norm2Groups, inner, res.inner),
    };
  };
  const attention = (at: AttentionSpec, name: string): AttentionSpec => {
    const channels = read(name);
    const tied = widths.get(`${name}.qkv`);
    return {
      ...at,
      channels,
      qk: tied ?? width(`${name}.qk`, at.qk),
      v: tied ?? width(`${name}.v`, at.v),
      normGroups: groups(at.normGroups, channels, at.channels),
    };
  };
  const blocks = (list: readonly BlockSpec[], level: string): BlockSpec[] =>
    list.map((block, j) => ({
      res: residual(block.res, `${level}.resnets.${j}`),
      attention: block.attention && attention(block.attention, `${level}.attentions.${j}`),
    }));
  const resampled = (channels: number | null, layer: string) => channels && width(`${layer}.out`, channels);

  const headBefore = streamWidth(sites.get('conv_norm_out')!.input);
  return {
    ...spec,
    time: {
      ...spec.time,
      hidden: width('time_embedding.hidden', spec.time.hidden),
      out: width('time_embedding.out', spec.time.out),
    },
    convIn: width('conv_in.out', spec.convIn),
    down: spec.down.map((level, i) => ({
      blocks: blocks(level.blocks, `down_blocks.${i}`),
      downsample: resampled(level.downsample, `down_blocks.${i}.downsamplers.0.conv`),
    })),
    mid: {
      first: residual(spec.mid.first, 'mid_block.resnets.0'),
      attention: attention(spec.mid.attention, 'mid_block.attentions.0'),
      second: residual(spec.mid.second, 'mid_block.resnets.1'),
    },
    up: spec.up.map((level, i) => ({
      blocks: blocks(level.blocks, `up_blocks.${i}`),
      upsample: resampled(level.upsample, `up_blocks.${i}.upsamplers.0.conv`),
    })),
    normOutGroups: groups(spec.normOutGroups, read('conv_norm_out'), headBefore),
  };
}
