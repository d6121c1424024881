import type { SafetensorsTensor } from '../formats/safetensors.js';

/** Names of layers inside blocks, in the layout of the first PyTorch port of DDPM and in diffusers'. */
const LAYERS: Readonly<Record<string, string>> = {
  temb_proj: 'time_emb_proj',
  nin_shortcut: 'conv_shortcut',
};
const ATTENTION_LAYERS: Readonly<Record<string, string>> = {
  norm: 'group_norm',
  q: 'to_q',
  k: 'to_k',
  v: 'to_v',
  proj_out: 'to_out.0',
};

/** Whether tensors are named as in the first PyTorch port of DDPM, which DDIM and Diff-Pruning took over. */
export function isOldLayout(names: Iterable<string>): boolean {
  return [...names].some((name) => /^(module\.)?temb\.dense\.0\./.test(name));
}

/**
 * Brings tensors of that layout to diffusers' names and shapes: levels on the way up are numbered from below, and attention
 * projections are matrices in place of 1x1 convolutions.
 *
 * @param levels number of resolutions of the network
 * @returns names that are not of the layout stay, for the reader to refuse
 */
export function fromOldLayout(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  levels: number,
): Map<string, SafetensorsTensor> {
  return new Map(
    Array.from(tensors, ([old, tensor]) => {
      const name = currentName(old.replace(/^module\./, ''), levels);
      const isProjection = /\.attentions\.\d+\.to_.*\.weight$/.test(name);
      const shape = isProjection && tensor.shape.length === 4 ? tensor.shape.slice(0, 2) : tensor.shape;
      return [name, { ...tensor, shape }];
    }),
  );
}

function currentName(name: string, levels: number): string {
  const dense = /^temb\.dense\.([01])\.(.*)$/.exec(name);
  if (dense !== null) return `time_embedding.linear_${Number(dense[1]) + 1}.${dense[2]}`;
  if (name.startsWith('norm_out.')) return `conv_${name}`;
  const middle = /^mid\.(block|attn)_(\d)\.(.*)$/.exec(name);
  if (middle !== null) return `mid_block.${blockPart(middle[1], Number(middle[2]) - 1, middle[3])}`;
  const level = /^(down|up)\.(\d+)\.(.*)$/.exec(name);
  if (level === null) return name;
  const [, way, number, rest] = level;
  const path = way === 'down' ? `down_blocks.${number}` : `up_blocks.${levels - 1 - Number(number)}`;
  const resampling = /^(down|up)sample\.conv\.(.*)$/.exec(rest);
  if (resampling !== null) return `${path}.${resampling[1]}samplers.0.conv.${resampling[2]}`;
  const block = /^(block|attn)\.(\d+)\.(.*)$/.exec(rest);
  return block === null ? name : `${path}.${blockPart(block[1], Number(block[2]), block[3])}`;
}

/** @param rest layer and `weight` or `bias`, such as `nin_shortcut.weight` */
function blockPart(kind: string, index: number, rest: string): string {
  const dot = rest.lastIndexOf('.');
  const [layer, part] = [rest.slice(0, dot), rest.slice(dot)];
  return kind === 'block'
    ? `resnets.${index}.${LAYERS[layer] ?? layer}${part}`
    : `attentions.${index}.${ATTENTION_LAYERS[layer] ?? layer}${part}`;
}
