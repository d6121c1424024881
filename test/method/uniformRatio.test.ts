import { describe, expect, it } from 'vitest';
import { uniformRatioWidths } from '../../src/method/uniformRatio.js';
import { countModel } from '../../src/model/countModel.js';
import { dependencyGroups } from '../../src/model/dependencyGroups.js';
import { networkLayers } from '../../src/model/layers.js';
import { prunableWidth } from '../../src/model/prunableWidths.js';
import { resize } from '../../src/model/withWidths.js';
import { cifarSpec } from './tinyModel.js';

const spec = cifarSpec();
const widths = dependencyGroups(spec, 'tied').map((group) => prunableWidth(group, 'equal-per-group'));
const pruned = (ratio: number, rounding: 'down' | 'up') => {
  const chosen = uniformRatioWidths(widths, ratio, rounding);
  const network = resize(spec, chosen, 'equal-per-group');
  return {
    streams: [chosen.get('conv_in.out'), chosen.get('down_blocks.1.resnets.0.out')],
    qkv: chosen.get('mid_block.attentions.0.qkv'),
    time: chosen.get('time_embedding.out'),
    network,
    count: countModel(network),
  };
};

// What the two programs made of the whole CIFAR-10 network when asked for a ratio: widths of the first two levels, of queries,
// keys and values, of the time embedding; MACs as each counts them, parameters.
describe('uniform ratios of the published network', () => {
  it.each([
    [0.05, 128, 256, 243, 486, 6.0355, 35.3739],
    [0.1, 128, 256, 230, 460, 6.0055, 35.0029],
    [0.16, 128, 224, 215, 430, 5.1376, 27.7683],
    [0.2, 128, 224, 204, 409, 5.1154, 27.4966],
    [0.25, 96, 192, 192, 384, 3.4153, 20.1312],
    // The "19.8 M, 3.4 G" of the literature.
    [0.3, 96, 192, 179, 358, 3.3928, 19.8512],
    [0.44, 96, 160, 143, 286, 2.7224, 14.1326],
    [0.5, 64, 128, 128, 256, 1.521, 8.9685],
    [0.6, 64, 128, 102, 204, 1.491, 8.5944],
    [0.7, 64, 96, 76, 153, 1.0766, 5.1205],
    [0.75, 32, 64, 64, 128, 0.3826, 2.2581],
  ])('%d as Diff-Pruning removes it', (ratio, first, second, qkv, time, gigaMacs, megaParameters) => {
    const result = pruned(ratio, 'down');
    expect(result).toMatchObject({ streams: [first, second], qkv, time });
    expect((result.count.macsPublished / 1e9).toFixed(4)).toBe(gigaMacs.toFixed(4));
    expect((result.count.parameters / 1e6).toFixed(4)).toBe(megaParameters.toFixed(4));
  });

  it.each([
    [0.05, 96, 224, 243, 486, 4.2336, 27.3073],
    [0.1, 96, 224, 230, 460, 4.2074, 26.9812],
    [0.2, 96, 192, 204, 409, 3.4351, 20.3956],
    [0.25, 96, 192, 192, 384, 3.4143, 20.1312],
    [0.3, 64, 160, 179, 358, 2.0874, 13.9493],
    [0.5, 64, 128, 128, 256, 1.5204, 8.9685],
  ])('%d as Torch-Pruning 1.6 removes it', (ratio, first, second, qkv, time, gigaMacs, megaParameters) => {
    const result = pruned(ratio, 'up');
    expect(result).toMatchObject({ streams: [first, second], qkv, time });
    // It counts the bias of a linear layer once, not at every token.
    const repeatedBiases = networkLayers(result.network).reduce(
      (sum, layer) => sum + (layer.kind === 'linear' ? (layer.positions - 1) * layer.out : 0),
      0,
    );
    expect(((result.count.macsPublished - repeatedBiases) / 1e9).toFixed(4)).toBe(gigaMacs.toFixed(4));
    expect((result.count.parameters / 1e6).toFixed(4)).toBe(megaParameters.toFixed(4));
  });

  it.each(['down', 'up'] as const)('0 removes nothing, and the largest ratio leaves one set (%s)', (rounding) => {
    expect(pruned(0, rounding).network).toEqual(spec);
    const least = uniformRatioWidths(widths, 0.999, rounding);
    for (const { id, unit } of widths) expect(least.get(id)).toBe(unit);
  });
});
