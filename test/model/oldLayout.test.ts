import { describe, expect, it } from 'vitest';
import type { SafetensorsTensor } from '../../src/formats/safetensors.js';
import { weightsFor } from '../../src/model/diffusersFolder.js';
import { fromOldLayout, isOldLayout } from '../../src/model/oldLayout.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import { cifarSpec } from './networks.js';

/** Names of the port's own `Model` class for the CIFAR-10 network, written down from its structure, with their shapes. */
function portTensors(): Map<string, number[]> {
  const tensors = new Map<string, number[]>();
  const put = (name: string, ...weight: number[]) => {
    tensors.set(`${name}.weight`, weight);
    tensors.set(`${name}.bias`, [weight[0]]);
  };
  const block = (name: string, input: number, out: number) => {
    put(`${name}.norm1`, input);
    put(`${name}.conv1`, out, input, 3, 3);
    put(`${name}.temb_proj`, out, 512);
    put(`${name}.norm2`, out);
    put(`${name}.conv2`, out, out, 3, 3);
    if (input !== out) put(`${name}.nin_shortcut`, out, input, 1, 1);
  };
  const attention = (name: string, channels: number) => {
    put(`${name}.norm`, channels);
    for (const layer of ['q', 'k', 'v', 'proj_out']) put(`${name}.${layer}`, channels, channels, 1, 1);
  };
  put('temb.dense.0', 512, 128);
  put('temb.dense.1', 512, 512);
  put('conv_in', 128, 3, 3, 3);
  const widths = [128, 256, 256, 256];
  widths.forEach((width, i) => {
    for (const j of [0, 1]) {
      block(`down.${i}.block.${j}`, j === 0 ? (widths[i - 1] ?? 128) : width, width);
      if (i === 1) attention(`down.1.attn.${j}`, width);
    }
    if (i < 3) put(`down.${i}.downsample.conv`, width, width, 3, 3);
  });
  block('mid.block_1', 256, 256);
  attention('mid.attn_1', 256);
  block('mid.block_2', 256, 256);
  // The port numbers levels on the way up as on the way down: 3 is the lowest.
  const inputs = [
    [384, 256, 256],
    [512, 512, 384],
    [512, 512, 512],
    [512, 512, 512],
  ];
  widths.forEach((width, i) => {
    for (const j of [0, 1, 2]) {
      block(`up.${i}.block.${j}`, inputs[i][j], width);
      if (i === 1) attention(`up.1.attn.${j}`, width);
    }
    if (i > 0) put(`up.${i}.upsample.conv`, width, width, 3, 3);
  });
  put('norm_out', 128);
  put('conv_out', 3, 128, 3, 3);
  return tensors;
}

describe('weights of the first PyTorch port of DDPM', () => {
  // One number per tensor, so that each can be recognised: a million zeros say no more.
  const shapes = portTensors();
  const marked = new Map(
    [...shapes].map(([name, shape], index): [string, SafetensorsTensor] => {
      const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
      data[0] = index + 1;
      return [`module.${name}`, { dtype: 'F32', shape, data }];
    }),
  );

  it('become the tensors of the network, each in its place', () => {
    expect(isOldLayout(marked.keys())).toBe(true);
    const weights = weightsFor(cifarSpec(), fromOldLayout(marked, 4), 'port');
    expect(weights.size).toBe(328);
    const first = (name: string) => weights.get(name)!.data[0];
    const mark = (name: string) => [...shapes.keys()].indexOf(name) + 1;
    expect(first('up_blocks.0.resnets.2.conv1.weight')).toBe(mark('up.3.block.2.conv1.weight'));
    expect(first('up_blocks.2.attentions.1.to_out.0.bias')).toBe(mark('up.1.attn.1.proj_out.bias'));
    expect(first('up_blocks.0.upsamplers.0.conv.weight')).toBe(mark('up.3.upsample.conv.weight'));
    expect(first('down_blocks.1.attentions.0.group_norm.weight')).toBe(mark('down.1.attn.0.norm.weight'));
    expect(first('down_blocks.2.downsamplers.0.conv.bias')).toBe(mark('down.2.downsample.conv.bias'));
    expect(first('mid_block.resnets.1.time_emb_proj.weight')).toBe(mark('mid.block_2.temb_proj.weight'));
    expect(first('time_embedding.linear_2.weight')).toBe(mark('temb.dense.1.weight'));
    expect(first('conv_norm_out.weight')).toBe(mark('norm_out.weight'));
    expect(new Set([...weights.values()].map(({ data }) => data[0])).size).toBe(328);
  });

  it('are told from others, whose names stay', () => {
    const current = [...tensorShapes(cifarSpec()).keys()];
    expect(isOldLayout(current)).toBe(false);
    const tensor: SafetensorsTensor = { dtype: 'F32', shape: [1], data: new Float32Array(1) };
    expect([...fromOldLayout(new Map([['strange.weight', tensor]]), 4).keys()]).toEqual(['strange.weight']);
  });
});
