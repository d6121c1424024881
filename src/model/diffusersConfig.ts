import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { inputError, type StepAdaptError } from '../contract/errors.js';
import { unetSpecSchema } from './specSchema.js';
import type { UNetSpec } from './spec.js';
import { standardSpec, type StandardNetwork } from './standardSpec.js';
import { safeParse } from '../contract/safeParse.js';

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
  center_input_sample: { supported: false, absent: false },
  class_embed_type: { supported: null, absent: null },
  downsample_padding: { supported: 0, absent: 1 },
  downsample_type: { supported: 'conv', absent: 'conv' },
  flip_sin_to_cos: { supported: false, absent: true },
  freq_shift: { supported: 1, absent: 0 },
  mid_block_scale_factor: { supported: 1, absent: 1 },
  mid_block_type: { supported: 'UNetMidBlock2D', absent: 'UNetMidBlock2D' },
  num_class_embeds: { supported: null, absent: null },
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
  attn_norm_num_groups: channels.nullable().default(null),
  resnet_time_scale_shift: z.enum(['default', 'scale_shift']).default('default'),
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
    attention_head_dim: headWidth(network),
    time_embedding_dim: network.timeWidth === 4 * network.levels[0].channels ? null : network.timeWidth!,
    attn_norm_num_groups: network.scaleShift ? network.normGroups : null,
    resnet_time_scale_shift: network.scaleShift ? 'scale_shift' : 'default',
  };
  const fixed = Object.fromEntries(Object.entries(FIXED_FIELDS).map(([name, { supported }]) => [name, supported]));
  const all = { ...fixed, ...fields, _diffusers_version: DIFFUSERS_VERSION, num_train_timesteps: null };
  const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  return describes(sorted, spec) ? sorted : { ...sorted, stepadapt: { version: 1, spec } };
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
  const norms = config.resnet_time_scale_shift ?? 'default';
  if (norms !== 'default' && norms !== 'scale_shift') {
    throw unsupported(name, 'resnet_time_scale_shift', norms, '"default" and "scale_shift"');
  }
  const fields = parse(fieldsSchema, config, name);
  // With scale-shift norms, diffusers leaves out the norm of the attention in the middle unless its groups are given.
  const middleGroups = fields.attn_norm_num_groups ?? (norms === 'default' ? fields.norm_num_groups : null);
  if (middleGroups !== fields.norm_num_groups) {
    throw unsupported(
      name,
      'attn_norm_num_groups',
      fields.attn_norm_num_groups,
      `norm_num_groups (${fields.norm_num_groups})`,
    );
  }
  return standardSpec(standardNetwork(fields, name));
}

function standardNetwork(fields: z.output<typeof fieldsSchema>, name: string): StandardNetwork {
  const { block_out_channels: widths, down_block_types: down, up_block_types: up } = fields;
  if (down.length !== widths.length || up.length !== widths.length) {
    throw invalid(name, 'block_out_channels, down_block_types and up_block_types differ in length');
  }
  const headsOf = (width: number, attended: boolean): number => {
    const head = fields.attention_head_dim;
    if (!attended || head === null) return 1;
    if (width % head === 0) return width / head;
    throw invalid(name, `attention_head_dim ${head} does not divide the ${width} channels of a level with attention`);
  };
  return {
    size: fields.sample_size,
    inChannels: fields.in_channels,
    outChannels: fields.out_channels,
    levels: widths.map((channels, i) => {
      const downAttention = down[i] === 'AttnDownBlock2D';
      const upAttention = up[widths.length - 1 - i] === 'AttnUpBlock2D';
      const isLowest = i === widths.length - 1;
      return {
        channels,
        downAttention,
        upAttention,
        heads: headsOf(channels, downAttention || upAttention || isLowest),
      };
    }),
    blocks: fields.layers_per_block,
    normGroups: fields.norm_num_groups,
    normEps: fields.norm_eps,
    dropout: fields.dropout,
    scaleShift: fields.resnet_time_scale_shift === 'scale_shift',
    timeWidth: fields.time_embedding_dim ?? 4 * widths[0],
  };
}

/**
 * `attention_head_dim`: the width of every head, or null for one head as wide as its level. Heads of several widths cannot be
 * said; then the whole specification is written, and this field is null.
 */
function headWidth({ levels }: StandardNetwork): number | null {
  const attended = levels.filter((level, i) => level.downAttention || level.upAttention || i === levels.length - 1);
  if (attended.every(({ heads }) => heads === 1)) return null;
  const [width, ...others] = new Set(attended.map(({ channels, heads }) => channels / heads));
  return others.length === 0 ? width : null;
}

/** The standard network of the same stream widths; the same network when nothing was pruned. */
function nearestStandard(spec: UNetSpec): StandardNetwork {
  const levels = spec.down.length;
  return {
    size: spec.size,
    inChannels: spec.inChannels,
    outChannels: spec.outChannels,
    levels: spec.down.map(({ blocks }, i) => {
      const down = blocks[0].attention;
      const up = spec.up[levels - 1 - i].blocks[0].attention;
      const lowest = i === levels - 1 ? spec.mid.attention : null;
      return {
        channels: blocks[0].res.out,
        downAttention: down !== null,
        upAttention: up !== null,
        heads: (down ?? up ?? lowest)?.heads ?? 1,
      };
    }),
    blocks: spec.down[0].blocks.length,
    normGroups: spec.normOutGroups,
    normEps: spec.normEps,
    dropout: spec.dropout,
    scaleShift: spec.scaleShift,
    timeWidth: spec.time.out,
  };
}

/** Whether a reader of the standard fields alone gets this network. */
function describes(config: Record<string, unknown>, spec: UNetSpec): boolean {
  try {
    return isDeepStrictEqual(specFromDiffusersConfig(config, 'config'), spec);
  } catch {
    return false; // its widths do not divide as a standard network's must
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const result = safeParse(schema, value);
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
