import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { inputError, type StepAdaptError } from '../contract/errors.js';
import { unetSpecSchema } from './specSchema.js';
import type { UNetSpec } from './spec.js';
import { standardSpec, type StandardNetwork } from './standardSpec.js';

/** The version of diffusers whose fields are written. */
const DIFFUSERS_VERSION = '0.42.1';

/**
 * Fields of `UNet2DModel` that have one supported value, and what diffusers assumes when a config leaves them out. They are the
 * choices of the published DDPM network.
 */
const FIXED_FIELDS: Readonly<Record<string, { readonly supported: unknown; readonly absent: unknown }>> = {
  _class_name: { supported: 'UNet2DModel', absent: 'UNet2DModel' },
  act_fn: { supported: 'silu', absent: 'silu' },
  add_attention: { supported: true, absent: true },
  attn_norm_num_groups: { supported: null, absent: null },
  center_input_sample: { supported: false, absent: false },
  class_embed_type: { supported: null, absent: null },
  downsample_padding: { supported: 0, absent: 1 },
  downsample_type: { supported: 'conv', absent: 'conv' },
  flip_sin_to_cos: { supported: false, absent: true },
  freq_shift: { supported: 1, absent: 0 },
  mid_block_scale_factor: { supported: 1, absent: 1 },
  mid_block_type: { supported: 'UNetMidBlock2D', absent: 'UNetMidBlock2D' },
  num_class_embeds: { supported: null, absent: null },
  resnet_time_scale_shift: { supported: 'default', absent: 'default' },
  time_embedding_type: { supported: 'positional', absent: 'positional' },
  upsample_type: { supported: 'conv', absent: 'conv' },
};

const channels = z.number().int().min(1).max(65_536);
/** The fields that vary, with diffusers' defaults. */
const fieldsSchema = z.object({
  sample_size: channels,
  in_channels: channels.default(3),
  out_channels: channels.default(3),
  block_out_channels: z.array(channels).min(1).max(16),
  down_block_types: z.array(z.enum(['DownBlock2D', 'AttnDownBlock2D'])),
  up_block_types: z.array(z.enum(['UpBlock2D', 'AttnUpBlock2D'])),
  layers_per_block: z.number().int().min(1).max(63).default(2),
  norm_num_groups: channels.default(32),
  norm_eps: z.number().gt(0).max(1).default(1e-5),
  dropout: z.number().min(0).lt(1).default(0),
  attention_head_dim: channels.nullable().default(8),
  time_embedding_dim: channels.nullable().default(null),
});

/** What a config holds of ours when the standard fields cannot say the widths. */
const extensionSchema = z.strictObject({ version: z.literal(1), spec: unetSpecSchema });

/**
 * The content of `config.json` as diffusers' `UNet2DModel` writes it. A network with other widths than that class can have
 * carries its whole specification in an extra field, `stepadapt`.
 */
export function diffusersConfig(spec: UNetSpec): Record<string, unknown> {
  const network = nearestStandard(spec);
  const fields: z.output<typeof fieldsSchema> = {
    sample_size: network.size,
    in_channels: network.inChannels,
    out_channels: network.outChannels,
    block_out_channels: network.levels.map((level) => level.channels),
    down_block_types: network.levels.map((level) => (level.downAttention ? 'AttnDownBlock2D' : 'DownBlock2D')),
    up_block_types: network.levels.toReversed().map((level) => (level.upAttention ? 'AttnUpBlock2D' : 'UpBlock2D')),
    layers_per_block: network.blocks,
    norm_num_groups: network.normGroups,
    norm_eps: network.normEps,
    dropout: network.dropout,
    attention_head_dim: null,
    time_embedding_dim: network.timeWidth === 4 * network.levels[0].channels ? null : network.timeWidth!,
  };
  const fixed = Object.fromEntries(Object.entries(FIXED_FIELDS).map(([name, { supported }]) => [name, supported]));
  const all = { ...fixed, ...fields, _diffusers_version: DIFFUSERS_VERSION, num_train_timesteps: null };
  const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  return isStandard(spec, network) ? sorted : { ...sorted, stepadapt: { version: 1, spec } };
}

/**
 * The network that the content of a `config.json` describes.
 *
 * @param name of the file, for errors
 * @throws input error `MODEL_UNSUPPORTED` for a `UNet2DModel` of another architecture
 * @throws input error `MODEL_INVALID` for content that is no such config
 */
export function specFromDiffusersConfig(content: unknown, name: string): UNetSpec {
  const config = parse(z.record(z.string(), z.unknown()), content, name);
  if (config.stepadapt !== undefined) return parse(extensionSchema, config.stepadapt, `${name} (stepadapt)`).spec;
  for (const [field, { supported, absent }] of Object.entries(FIXED_FIELDS)) {
    const value = config[field] === undefined ? absent : config[field];
    if (value !== supported) throw unsupported(name, field, value, JSON.stringify(supported));
  }
  for (const [field, known] of [
    ['down_block_types', ['DownBlock2D', 'AttnDownBlock2D']],
    ['up_block_types', ['UpBlock2D', 'AttnUpBlock2D']],
  ] as const) {
    const types: unknown = config[field];
    const other = Array.isArray(types)
      ? types.find((type) => !(known as readonly unknown[]).includes(type))
      : undefined;
    if (other !== undefined) throw unsupported(name, field, other, known.join(' and '));
  }
  const fields = parse(fieldsSchema, config, name);
  const network = standardNetwork(fields, name);
  requireSingleHead(fields.attention_head_dim, network, name);
  return standardSpec(network);
}

function standardNetwork(fields: z.output<typeof fieldsSchema>, name: string): StandardNetwork {
  const { block_out_channels: widths, down_block_types: down, up_block_types: up } = fields;
  if (down.length !== widths.length || up.length !== widths.length) {
    throw invalid(name, 'block_out_channels, down_block_types and up_block_types differ in length');
  }
  return {
    size: fields.sample_size,
    inChannels: fields.in_channels,
    outChannels: fields.out_channels,
    levels: widths.map((channels, i) => ({
      channels,
      downAttention: down[i] === 'AttnDownBlock2D',
      upAttention: up[widths.length - 1 - i] === 'AttnUpBlock2D',
    })),
    blocks: fields.layers_per_block,
    normGroups: fields.norm_num_groups,
    normEps: fields.norm_eps,
    dropout: fields.dropout,
    timeWidth: fields.time_embedding_dim ?? 4 * widths[0],
  };
}

/** `attention_head_dim: null` means one head as wide as the level; a number must come to the same. */
function requireSingleHead(headWidth: number | null, { levels }: StandardNetwork, name: string): void {
  const attended = levels.filter((level, i) => level.downAttention || level.upAttention || i === levels.length - 1);
  if (headWidth !== null && attended.some(({ channels }) => channels !== headWidth)) {
    throw unsupported(name, 'attention_head_dim', headWidth, 'null, one head as wide as its level,');
  }
}

/** The standard network of the same stream widths; the same network when nothing was pruned. */
function nearestStandard(spec: UNetSpec): StandardNetwork {
  const levels = spec.down.length;
  return {
    size: spec.size,
    inChannels: spec.inChannels,
    outChannels: spec.outChannels,
    levels: spec.down.map(({ blocks }, i) => ({
      channels: blocks[0].res.out,
      downAttention: blocks[0].attention !== null,
      upAttention: spec.up[levels - 1 - i].blocks[0].attention !== null,
    })),
    blocks: spec.down[0].blocks.length,
    normGroups: spec.normOutGroups,
    normEps: spec.normEps,
    dropout: spec.dropout,
    timeWidth: spec.time.out,
  };
}

function isStandard(spec: UNetSpec, network: StandardNetwork): boolean {
  try {
    return isDeepStrictEqual(standardSpec(network), spec);
  } catch {
    return false; // its widths do not divide as a standard network's must
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [{ path, message }] = result.error.issues;
  throw invalid(name, path.length > 0 ? `${path.join('.')}: ${message}` : message);
}

function invalid(name: string, why: string): StepAdaptError {
  return inputError(
    'MODEL_INVALID',
    `${name} does not describe a network: ${why}`,
    "use the config.json of a diffusers UNet2DModel, or of this program's export",
  );
}

function unsupported(name: string, field: string, value: unknown, supported: string): StepAdaptError {
  return inputError(
    'MODEL_UNSUPPORTED',
    `${name} has ${field} ${JSON.stringify(value)}, which is not supported`,
    `only ${supported} is: the network must be a DDPM U-Net, as google/ddpm-cifar10-32 is`,
  );
}
