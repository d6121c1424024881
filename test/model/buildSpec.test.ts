import { describe, expect, it } from 'vitest';
import { modelSchema } from '../../src/contract/config.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { residualBlocks } from '../../src/model/residualBlocks.js';
import { unetSpecSchema } from '../../src/model/specSchema.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import { cifarSpec, smallSpec } from './networks.js';

const build = (model: object, size = 32) => buildUNetSpec(modelSchema.parse(model), { size, channels: 3 });

describe('buildUNetSpec', () => {
  it('gives the up path of the published network its concatenated widths', () => {
    const inputs = cifarSpec().up.map(({ blocks }) => blocks.map(({ res }) => res.in));
    expect(inputs).toEqual([
      [512, 512, 512],
      [512, 512, 512],
      [512, 512, 384],
      [384, 256, 256],
    ]);
  });

  it('puts attention at the resolutions asked for, and in the middle', () => {
    const spec = cifarSpec();
    expect(spec.down.map(({ blocks }) => blocks.every(({ attention }) => attention !== null))).toEqual([
      false,
      true,
      false,
      false,
    ]);
    expect(spec.up.map(({ blocks }) => blocks.every(({ attention }) => attention !== null))).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect(build({ attention: [] }).mid.attention.channels).toBe(64);
  });

  it('lists the blocks in the order of the forward pass', () => {
    expect(residualBlocks(smallSpec()).map(({ name }) => name)).toEqual([
      'down_blocks.0.resnets.0',
      'down_blocks.1.resnets.0',
      'mid_block.resnets.0',
      'mid_block.resnets.1',
      'up_blocks.0.resnets.0',
      'up_blocks.0.resnets.1',
      'up_blocks.1.resnets.0',
      'up_blocks.1.resnets.1',
    ]);
  });

  it('lists tensors alphabetically', () => {
    const names = [...tensorShapes(cifarSpec()).keys()];
    expect(names).toEqual(names.toSorted());
    expect(names[0]).toBe('conv_in.bias');
  });

  it.each([
    ['sizes that do not halve', { multipliers: [1, 2, 2] }, 18, 'cannot be halved 2 times'],
    [
      'norm groups that do not divide',
      { channels: 12, normGroups: 8, attention: [] },
      16,
      'do not divide the 12 channels',
    ],
    ['an odd time embedding', { channels: 9, normGroups: 9, attention: [] }, 16, 'time embedding'],
    ['attention where no level is', { attention: [7] }, 32, 'its levels|no level'],
  ])('refuses %s', (_, model, size, message) => {
    expect(() => build(model, size)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'MODEL_SHAPE', message: expect.stringMatching(message) }),
    );
  });
});

describe('unetSpecSchema', () => {
  it('accepts what is built, unchanged', () => {
    for (const spec of [cifarSpec(), smallSpec({ blocks: 2, multipliers: [1, 2, 4] })]) {
      expect(unetSpecSchema.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
    }
  });

  it.each<[string, (spec: ReturnType<typeof smallSpec>) => object, RegExp]>([
    ['another input width', (spec) => ({ ...spec, convIn: 12 }), /resnets.0 reads 8 channels where 12 arrive/],
    ['norm groups that do not divide', (spec) => ({ ...spec, normOutGroups: 3 }), /conv_norm_out has 3 groups/],
    ['a missing level', (spec) => ({ ...spec, up: spec.up.slice(1) }), /2 levels down, but 1 up/],
    ['an odd size', (spec) => ({ ...spec, size: 9 }), /cannot be halved 1 times/],
    ['an unknown field', (spec) => ({ ...spec, extra: 1 }), /extra/],
    ['a width of nothing', (spec) => ({ ...spec, outChannels: 0 }), /outChannels/],
    [
      'a missing down-sampling',
      (spec) => ({ ...spec, down: spec.down.map((level) => ({ ...level, downsample: null })) }),
      /down_blocks.0 must halve/,
    ],
    [
      'a missing up block',
      (spec) => ({ ...spec, up: spec.up.map((level) => ({ ...level, blocks: level.blocks.slice(1) })) }),
      /up_blocks.0 must have one block more/,
    ],
  ])('refuses %s', (_, change, message) => {
    const result = unetSpecSchema.safeParse(change(smallSpec()));
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error?.issues)).toMatch(message);
  });
});
