import { channelSites, streamWidth, type ChannelSite, type Stream } from './channelFlow.js';
import type { UNetSpec } from './spec.js';

/** What a group of tied channels is in the network. */
export type DependencyKind =
  /** Between the two linear layers of the time embedding. */
  | 'time-hidden'
  /** The time embedding, which every residual block projects. */
  | 'time-output'
  /** Between the two convolutions of a residual block. */
  | 'inner'
  /** Queries, keys and values of an attention block together. */
  | 'attention-qkv'
  /** Queries and keys, which meet in their products. */
  | 'attention-qk'
  /** Values, which the output projection reads. */
  | 'attention-v'
  /** The residual stream of a level on the way down, or of the middle. */
  | 'trunk'
  /** A strided convolution whose output nothing adds to. */
  | 'strided-conv'
  /** Output of a block on the way up. */
  | 'up-output'
  /** Output of an upsampling convolution. */
  | 'upsample';

/** Channels of a group in a tensor: `width` indices from `offset` on. */
export interface TensorChannels {
  readonly tensor: string;
  /** Axis in the host layout of `Weights`. */
  readonly axis: 0 | 1;
  /** Where they begin: not 0 behind the first part of a concatenation. */
  readonly offset: number;
}

/** Channels of a group in a norm. */
export interface NormChannels {
  /** Prefix of the norm's tensors. */
  readonly name: string;
  readonly offset: number;
  /** All channels of the norm, of this group and of others. */
  readonly channels: number;
  /** Groups of the norm. */
  readonly groups: number;
}

/** Channels that must be removed together. */
export interface DependencyGroup {
  /** Stable name, the same in a network and its pruned copies. */
  readonly id: string;
  readonly kind: DependencyKind;
  readonly width: number;
  /** Equal runs of channels that must stay equally long: the heads of an attention block. */
  readonly runs: number;
  /** Weights and biases that make these channels. */
  readonly producers: readonly TensorChannels[];
  /** Weights that read them. */
  readonly consumers: readonly TensorChannels[];
  /** Norms they pass through. */
  readonly norms: readonly NormChannels[];
}

interface GrowingGroup {
  readonly id: string;
  kind: DependencyKind;
  readonly width: number;
  readonly runs: number;
  readonly producers: TensorChannels[];
  readonly consumers: TensorChannels[];
  readonly norms: NormChannels[];
}

const STREAM_KINDS = { 'conv-in': 'trunk', downsample: 'strided-conv', upsample: 'upsample' } as const;

/**
 * Every group of tied channels of a network (channels of images are none), in the order of the forward pass, read off the
 * specification: what has to be sliced together so that the network stays a network.
 *
 * @param attention `tied` prunes queries, keys and values together, as tracers of dependencies do (arXiv 2301.12900);
 * `separate` keeps the values apart, which nothing but the output projection reads
 */
export function dependencyGroups(spec: UNetSpec, attention: 'tied' | 'separate'): DependencyGroup[] {
  const groups = new Map<string, GrowingGroup>();
  const begin = (id: string, kind: DependencyKind, width: number, runs = 1): GrowingGroup => {
    const group = { id, kind, width, runs, producers: [], consumers: [], norms: [] };
    groups.set(id, group);
    return group;
  };
  const produce = (stream: Stream, layer: string) =>
    eachPart(stream, groups, (group, offset) => group.producers.push(...outputs(layer, offset)));
  const consume = (stream: Stream, ...layers: readonly string[]) =>
    eachPart(stream, groups, (group, offset) => group.consumers.push(...layers.map((layer) => input(layer, offset))));
  const normalise = (stream: Stream, name: string, normGroups: number) => {
    const channels = streamWidth(stream);
    eachPart(stream, groups, (group, offset) => group.norms.push({ name, offset, channels, groups: normGroups }));
  };

  const { time } = spec;
  const hidden = begin('time_embedding.hidden', 'time-hidden', time.hidden);
  hidden.producers.push(...outputs('time_embedding.linear_1'));
  hidden.consumers.push(input('time_embedding.linear_2'));
  const embedding = begin('time_embedding.out', 'time-output', time.out);
  embedding.producers.push(...outputs('time_embedding.linear_2'));

  const visitResidual = ({ name, res, input: read, output, path }: ChannelSite & { kind: 'residual' }) => {
    const inner = begin(`${name}.inner`, 'inner', res.inner);
    inner.producers.push(...outputs(`${name}.conv1`), ...outputs(`${name}.time_emb_proj`));
    // Scales come first, shifts second.
    if (spec.scaleShift) inner.producers.push(...outputs(`${name}.time_emb_proj`, res.inner));
    inner.norms.push({ name: `${name}.norm2`, offset: 0, channels: res.inner, groups: res.norm2Groups });
    inner.consumers.push(input(`${name}.conv2`));
    embedding.consumers.push(input(`${name}.time_emb_proj`));

    normalise(read, `${name}.norm1`, res.norm1Groups);
    consume(read, `${name}.conv1`, ...(res.shortcut ? [`${name}.conv_shortcut`] : []));
    if (res.shortcut) {
      begin(output[0].source, path === 'up' ? 'up-output' : 'trunk', res.out);
      produce(output, `${name}.conv_shortcut`);
    } else {
      eachPart(output, groups, (group) => {
        if (group.kind === 'strided-conv') group.kind = 'trunk';
      });
    }
    produce(output, `${name}.conv2`);
  };
  const visitAttention = ({
    name,
    attention: { qk, v, normGroups, heads },
    input: read,
  }: ChannelSite & { kind: 'attention' }) => {
    normalise(read, `${name}.group_norm`, normGroups);
    consume(read, `${name}.to_q`, `${name}.to_k`, `${name}.to_v`);
    const tied = attention === 'tied' && qk === v;
    const meeting = begin(`${name}.${tied ? 'qkv' : 'qk'}`, tied ? 'attention-qkv' : 'attention-qk', qk, heads);
    meeting.producers.push(...outputs(`${name}.to_q`), ...outputs(`${name}.to_k`));
    const values = tied ? meeting : begin(`${name}.v`, 'attention-v', v, heads);
    values.producers.push(...outputs(`${name}.to_v`));
    values.consumers.push(input(`${name}.to_out.0`));
    produce(read, `${name}.to_out.0`);
  };

  for (const site of channelSites(spec)) {
    switch (site.kind) {
      case 'residual':
        visitResidual(site);
        break;
      case 'attention':
        visitAttention(site);
        break;
      case 'head':
        normalise(site.input, site.name, spec.normOutGroups);
        consume(site.input, 'conv_out');
        break;
      default:
        consume(site.input, site.name);
        begin(site.output[0].source, STREAM_KINDS[site.kind], site.output[0].width);
        produce(site.output, site.name);
    }
  }
  return [...groups.values()];
}

/** Calls `visit` with the group and the offset of every part of a concatenation; a group may come twice. */
function eachPart(
  stream: Stream,
  groups: ReadonlyMap<string, GrowingGroup>,
  visit: (group: GrowingGroup, offset: number) => void,
): void {
  let offset = 0;
  for (const { source, width } of stream) {
    visit(groups.get(source)!, offset);
    offset += width;
  }
}

function outputs(layer: string, offset = 0): TensorChannels[] {
  return [
    { tensor: `${layer}.weight`, axis: 0, offset },
    { tensor: `${layer}.bias`, axis: 0, offset },
  ];
}

function input(layer: string, offset = 0): TensorChannels {
  return { tensor: `${layer}.weight`, axis: 1, offset };
}
