import { describe, expect, it } from 'vitest';
import { modelSchema } from '../../src/contract/config.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { countModel, layerMacs } from '../../src/model/countModel.js';
import { prunableWidths } from '../../src/model/prunableWidths.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import { withWidths } from '../../src/model/withWidths.js';
import { cifarSpec, innerRule } from './networks.js';

describe('countModel', () => {
  it('counts the published CIFAR-10 network', () => {
    expect(countModel(cifarSpec())).toEqual({
      parameters: 35_746_307,
      tensors: 328,
      macs: 6_053_953_536,
      attentionMacs: 167_903_232,
      // Diff-Pruning prints 6.1 G for it.
      macsPublished: 6_065_456_000,
    });
  });

  // Stages of the published network: parameters, and MACs with the attention's matrix products.
  it.each([
    ['time_embedding', 328_704, 327_680],
    ['conv_in', 3_584, 3_538_944],
    ['down_blocks.0', 870_272, 641_859_584],
    ['down_blocks.1', 3_480_320, 776_208_384],
    ['down_blocks.2', 3_215_104, 160_694_272],
    ['down_blocks.3', 2_625_024, 38_010_880],
    ['mid_block', 2_888_704, 42_336_256],
    ['up_blocks.0', 6_692_608, 129_368_064],
    ['up_blocks.1', 6_692_608, 516_292_608],
    ['up_blocks.2', 7_155_712, 2_282_094_592],
    ['up_blocks.3', 1_789_952, 1_627_586_560],
    ['conv_out', 3_459, 3_538_944],
  ])('counts %s', (stage, parameters, macs) => {
    const spec = cifarSpec();
    const inStage = (name: string) => name.startsWith(`${stage}.`) || name === stage;
    const counted = [...tensorShapes(spec)].filter(([name]) => inStage(name));
    expect(counted.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b), 0)).toBe(parameters);
    const layers = layerMacs(spec).filter(({ name }) => inStage(name));
    expect(layers.reduce((sum, layer) => sum + layer.macs + layer.attentionMacs, 0)).toBe(macs);
  });

  it.each([
    [96, 20_118_915, 3.407, 0.126],
    [64, 8_952_067, 1.515, 0.084],
    [48, 5_041_347, 0.853, 0.063],
    [32, 2_245_763, 0.38, 0.042],
  ])('counts the CIFAR-10 network of %i channels', (channels, parameters, gigaMacs, attentionGigaMacs) => {
    const count = countModel(cifarSpec(channels));
    expect(count.parameters).toBe(parameters);
    expect(count.macs / 1e9).toBeCloseTo(gigaMacs, 3);
    expect(count.attentionMacs / 1e9).toBeCloseTo(attentionGigaMacs, 3);
  });

  it.each([
    [{ channels: 64, attention: [14] }, { size: 28, channels: 1 }, 4_435_393, 0.813],
    [{ channels: 32, attention: [16] }, { size: 32, channels: 3 }, 1_113_955, 0.283],
  ])('counts a small network (%o)', (model, image, parameters, gigaMacs) => {
    const config = modelSchema.parse({ ...model, multipliers: [1, 2, 2], blocks: 1 });
    const count = countModel(buildUNetSpec(config, image));
    expect(count.parameters).toBe(parameters);
    expect((count.macs + count.attentionMacs) / 1e9).toBeCloseTo(gigaMacs, 3);
  });

  // Fraction of all MACs that touches an inner width of the published network: 0.757.
  it.each([0.25, 0.5, 0.75])('is affine in the inner widths: %f of them', (kept) => {
    const spec = cifarSpec();
    const widths = new Map(prunableWidths(spec, innerRule).map(({ id, width }) => [id, width * kept]));
    const ratio = countModel(withWidths(spec, widths, innerRule)).macs / countModel(spec).macs;
    expect(ratio).toBeCloseTo(0.243 + 0.757 * kept, 3);
  });
});
