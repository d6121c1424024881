import type { AttentionSpec, BlockSpec, ResBlockSpec, UNetSpec } from './spec.js';

/** One layer that owns weights, or the weightless matrix products of an attention block. */
export type Layer =
  | {
      readonly kind: 'conv';
      /** Prefix of its tensors: `NAME.weight` and `NAME.bias`. */
      readonly name: string;
      readonly in: number;
      readonly out: number;
      /** Side of the square kernel. */
      readonly kernel: 1 | 3;
      /** Side of the output, pixels. */
      readonly side: number;
    }
  | {
      readonly kind: 'linear';
      readonly name: string;
      readonly in: number;
      readonly out: number;
      /** How often it is applied per image: 1, or the tokens of an attention block. */
      readonly positions: number;
    }
  | { readonly kind: 'norm'; readonly name: string; readonly channels: number; readonly side: number }
  | {
      readonly kind: 'attention';
      readonly name: string;
      readonly tokens: number;
      readonly qk: number;
      readonly v: number;
    };

/** Every layer of the network in the order of the forward pass: what counting, shapes and initialisation read. */
export function networkLayers(spec: UNetSpec): Layer[] {
  const { time } = spec;
  const layers: Layer[] = [
    linear('time_embedding.linear_1', time.sinusoid, time.hidden),
    linear('time_embedding.linear_2', time.hidden, time.out),
    conv('conv_in', spec.inChannels, spec.convIn, 3, spec.size),
  ];
  let side = spec.size;
  let channels = spec.convIn;

  spec.down.forEach((level, i) => {
    layers.push(...levelLayers(spec, level.blocks, `down_blocks.${i}`, side));
    channels = level.blocks.at(-1)!.res.out;
    if (level.downsample !== null) {
      side /= 2;
      layers.push(conv(`down_blocks.${i}.downsamplers.0.conv`, channels, level.downsample, 3, side));
    }
  });

  layers.push(...resLayers(spec, spec.mid.first, 'mid_block.resnets.0', side));
  layers.push(...attentionLayers(spec.mid.attention, 'mid_block.attentions.0', side));
  layers.push(...resLayers(spec, spec.mid.second, 'mid_block.resnets.1', side));

  spec.up.forEach((level, i) => {
    layers.push(...levelLayers(spec, level.blocks, `up_blocks.${i}`, side));
    channels = level.blocks.at(-1)!.res.out;
    if (level.upsample !== null) {
      side *= 2;
      layers.push(conv(`up_blocks.${i}.upsamplers.0.conv`, channels, level.upsample, 3, side));
      channels = level.upsample;
    }
  });

  layers.push({ kind: 'norm', name: 'conv_norm_out', channels, side });
  layers.push(conv('conv_out', channels, spec.outChannels, 3, side));
  return layers;
}

function levelLayers(spec: UNetSpec, blocks: readonly BlockSpec[], path: string, side: number): Layer[] {
  return blocks.flatMap(({ res, attention }, j) => [
    ...resLayers(spec, res, `${path}.resnets.${j}`, side),
    ...(attention ? attentionLayers(attention, `${path}.attentions.${j}`, side) : []),
  ]);
}

function resLayers({ time, scaleShift }: UNetSpec, res: ResBlockSpec, name: string, side: number): Layer[] {
  return [
    { kind: 'norm', name: `${name}.norm1`, channels: res.in, side },
    conv(`${name}.conv1`, res.in, res.inner, 3, side),
    linear(`${name}.time_emb_proj`, time.out, scaleShift ? 2 * res.inner : res.inner),
    { kind: 'norm', name: `${name}.norm2`, channels: res.inner, side },
    conv(`${name}.conv2`, res.inner, res.out, 3, side),
    ...(res.shortcut ? [conv(`${name}.conv_shortcut`, res.in, res.out, 1, side)] : []),
  ];
}

function attentionLayers({ channels, qk, v }: AttentionSpec, name: string, side: number): Layer[] {
  const tokens = side * side;
  return [
    { kind: 'norm', name: `${name}.group_norm`, channels, side },
    linear(`${name}.to_q`, channels, qk, tokens),
    linear(`${name}.to_k`, channels, qk, tokens),
    linear(`${name}.to_v`, channels, v, tokens),
    { kind: 'attention', name, tokens, qk, v },
    linear(`${name}.to_out.0`, v, channels, tokens),
  ];
}

function conv(name: string, input: number, out: number, kernel: 1 | 3, side: number): Layer {
  return { kind: 'conv', name, in: input, out, kernel, side };
}

function linear(name: string, input: number, out: number, positions = 1): Layer {
  return { kind: 'linear', name, in: input, out, positions };
}
