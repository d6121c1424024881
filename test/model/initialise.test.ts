import { describe, expect, it } from 'vitest';
import { initialiseWeights } from '../../src/model/initialise.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import type { Weights } from '../../src/model/weights.js';
import { smallSpec } from './networks.js';

const spec = smallSpec({ channels: 32, normGroups: 8 });
const weights = initialiseWeights(spec, 7);
const largest = (data: Float32Array) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const variance = (data: Float32Array) => data.reduce((sum, value) => sum + value * value, 0) / data.length;
const values = (from: Weights, name: string) => from.get(name)!.data;
const bytes = (from: Weights) =>
  [...from.values()].map(({ data }) => Buffer.from(data.buffer).toString('base64')).join();

describe('initialiseWeights', () => {
  it('makes every tensor of the network', () => {
    expect([...weights].map(([name, { shape }]) => [name, shape])).toEqual([...tensorShapes(spec)]);
    expect([...weights].every(([, { shape, data }]) => data.length === shape.reduce((a, b) => a * b))).toBe(true);
  });

  // Uniform in +-sqrt(6 / (fanIn + fanOut)); its variance is a third of the limit's square.
  it.each([
    ['conv_in.weight', (3 + 32) * 9, 1],
    ['down_blocks.1.resnets.0.conv1.weight', (32 + 64) * 9, 1],
    ['down_blocks.1.resnets.0.conv_shortcut.weight', 32 + 64, 1],
    ['down_blocks.1.attentions.0.to_q.weight', 64 + 64, 1],
    ['time_embedding.linear_1.weight', 32 + 128, 1],
    ['down_blocks.1.resnets.0.conv2.weight', (64 + 64) * 9, 1e-5],
    ['down_blocks.1.attentions.0.to_out.0.weight', 64 + 64, 1e-5],
    ['conv_out.weight', (32 + 3) * 9, 1e-5],
  ])('scales %s by its fans', (name, fans, gain) => {
    const limit = gain * Math.sqrt(6 / fans);
    const data = values(weights, name);
    expect(largest(data)).toBeLessThanOrEqual(limit * (1 + 1e-6));
    expect(largest(data)).toBeGreaterThan(0.95 * limit);
    expect(variance(data) / (limit ** 2 / 3)).toBeCloseTo(1, 0.9);
  });

  it('starts biases at zero and norms at the identity', () => {
    for (const [name, { data }] of weights) {
      if (name.endsWith('.bias')) expect(new Set(data), name).toEqual(new Set([0]));
      if (/norm\w*\.weight$/.test(name)) expect(new Set(data), name).toEqual(new Set([1]));
    }
  });

  it('is a function of the seed, and of each tensor alone', () => {
    expect(bytes(initialiseWeights(spec, 7)) === bytes(weights)).toBe(true);
    expect(values(initialiseWeights(spec, 8), 'conv_in.weight')).not.toEqual(values(weights, 'conv_in.weight'));
    const deeper = initialiseWeights(smallSpec({ channels: 32, normGroups: 8, blocks: 2 }), 7);
    expect(values(deeper, 'conv_in.weight')).toEqual(values(weights, 'conv_in.weight'));
    expect(values(weights, 'down_blocks.0.resnets.0.conv1.weight')).not.toEqual(
      values(deeper, 'down_blocks.0.resnets.1.conv1.weight'),
    );
  });
});
