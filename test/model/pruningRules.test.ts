import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { countModel } from '../../src/model/countModel.js';
import { predictBatch } from '../../src/model/predictBatch.js';
import { prunableWidths, type PrunableWidth, type PruningRule } from '../../src/model/prunableWidths.js';
import { sliceModel } from '../../src/model/sliceModel.js';
import type { UNetSpec } from '../../src/model/spec.js';
import { unetSpecSchema } from '../../src/model/specSchema.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import type { Weights } from '../../src/model/weights.js';
import { withWidths } from '../../src/model/withWidths.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomNormal } from '../../src/tensor/random.js';
import { innerRule, randomWeights, smallSpec } from './networks.js';

const rules: PruningRule[] = [
  { scope: 'inner', normPolicy: 'whole-groups' },
  { scope: 'inner+attention', normPolicy: 'whole-groups' },
  { scope: 'inner', normPolicy: 'equal-per-group' },
  { scope: 'all', normPolicy: 'equal-per-group' },
  { scope: 'inner', normPolicy: 'gcd' },
  { scope: 'all', normPolicy: 'gcd' },
];
const networks = {
  plain: smallSpec({ channels: 16, multipliers: [1, 2, 2], blocks: 2 }),
  'with heads, scales and shifts': smallSpec({ attentionHeads: 2, scaleShiftNorm: true }),
};

/** Some legal channels of a width: sets of the policy, chosen by one random number per channel. */
function someChannels({ width, unit, spread }: PrunableWidth, random: Float32Array): number[] {
  const sets = width / unit;
  const kept = 1 + Math.floor(random[0] * sets);
  const best = (from: number, length: number, count: number) =>
    Array.from({ length }, (_, i) => from + i)
      .sort((a, b) => random[a] - random[b])
      .slice(0, count);
  const channels = spread
    ? Array.from({ length: unit }, (_, run) => best(run * sets, sets, kept)).flat()
    : best(0, sets, kept).flatMap((set) => Array.from({ length: unit }, (_, i) => set * unit + i));
  return channels.sort((a, b) => a - b);
}

function predict(spec: UNetSpec, weights: Weights): Float32Array {
  const x = randomNormal({ seed: 3, stream: 'x', index: 0 }, 2 * 8 * 8 * 3);
  return Float32Array.from(predictBatch(spec, weights, x, Int32Array.of(10, 900)));
}

beforeAll(async () => {
  await openEngine('wasm');
});

describe.each(Object.entries(networks))('a network %s', (_network, spec) => {
  const weights = randomWeights(spec);

  describe.each(rules)('pruned in scope $scope by $normPolicy', (rule) => {
    const widths = prunableWidths(spec, rule);

    it('has the shapes and counts of its spec, and runs, for any legal channels', () => {
      const random = fc.tuple(
        ...widths.map(({ width }) =>
          fc
            .array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
              minLength: width,
              maxLength: width,
            })
            .map((numbers) => Float32Array.from(numbers, (number) => Math.min(number, 0.999))),
        ),
      );
      fc.assert(
        fc.property(random, (numbers) => {
          const keep = new Map(widths.map((width, i) => [width.id, someChannels(width, numbers[i])]));
          const sliced = sliceModel(spec, weights, keep, rule);
          const lengths = new Map([...keep].map(([id, channels]) => [id, channels.length]));
          expect(sliced.spec).toEqual(withWidths(spec, lengths, rule));
          expect(unetSpecSchema.parse(sliced.spec)).toEqual(sliced.spec);
          expect(new Map([...sliced.weights].map(([name, { shape }]) => [name, shape]))).toEqual(
            tensorShapes(sliced.spec),
          );
          const values = [...sliced.weights.values()].reduce((sum, { data }) => sum + data.length, 0);
          expect(values).toBe(countModel(sliced.spec).parameters);
          expect(predict(sliced.spec, sliced.weights).every(Number.isFinite)).toBe(true);
        }),
        { numRuns: 4, seed: 5 },
      );
    });

    it('is the network itself, bit for bit, when nothing is removed', () => {
      const all = new Map(widths.map(({ id, width }) => [id, Array.from({ length: width }, (_, i) => i)]));
      const same = sliceModel(spec, weights, all, rule);
      expect(same.spec).toEqual(spec);
      expect(same.weights).toEqual(weights);
      expect(predict(same.spec, same.weights)).toEqual(predict(spec, weights));
    });

    it('has smaller widths of the same names, and can be pruned again', () => {
      const half = new Map(
        widths.filter(({ width, unit }) => width > unit).map(({ id, width, unit }) => [id, width - unit]),
      );
      const once = withWidths(spec, half, rule);
      expect(new Map(prunableWidths(once, rule).map(({ id, width }) => [id, width]))).toEqual(
        new Map(widths.map(({ id, width }) => [id, half.get(id) ?? width])),
      );
    });
  });
});

describe('channels inside attention', () => {
  const spec = smallSpec({ attentionHeads: 2 });
  const weights = randomWeights(spec);
  const rule: PruningRule = { scope: 'inner+attention', normPolicy: 'whole-groups' };
  const name = 'mid_block.attentions.0';
  /** Without 3 and 7 of the first head, 8 and 11 of the second. */
  const keep = [0, 1, 2, 4, 5, 6, 9, 10, 12, 13, 14, 15];

  /** The network whose removed channels are zero in these layers. */
  const masked = (layers: readonly string[], axis: 0 | 1): Weights => {
    const result = new Map(weights);
    for (const layer of layers) {
      for (const tensor of axis === 0 ? [`${layer}.weight`, `${layer}.bias`] : [`${layer}.weight`]) {
        const { shape, data } = weights.get(tensor)!;
        const columns = shape.length > 1 ? shape[1] : 1;
        const zeroed = data.map((value, i) =>
          keep.includes(axis === 0 ? Math.floor(i / columns) : i % columns) ? value : 0,
        );
        result.set(tensor, { shape, data: zeroed });
      }
    }
    return result;
  };
  const deviation = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

  it.each([
    ['qk', masked([`${name}.to_q`, `${name}.to_k`], 0)],
    ['v', masked([`${name}.to_out.0`], 1)],
  ])('%s are pruned exactly: slicing equals masking', (part, mask) => {
    const sliced = sliceModel(spec, weights, new Map([[`${name}.${part}`, keep]]), rule);
    const computed = predict(sliced.spec, sliced.weights);
    expect(deviation(computed, predict(spec, mask))).toBeLessThan(1e-5);
    expect(deviation(computed, predict(spec, weights))).toBeGreaterThan(1e-4);
    expect(sliced.spec.mid.attention.scaleWidth).toBe(spec.mid.attention.scaleWidth);
  });

  it('must be as many in each head', () => {
    expect(() => sliceModel(spec, weights, new Map([[`${name}.v`, [0, 1, 2, 8]]]), rule)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'KEEP_INVALID' }),
    );
  });
});

describe('norm policies', () => {
  const spec = smallSpec();

  it('equal-per-group keeps norm groups, gcd makes fewer, whole-groups keeps their size', () => {
    const inner = 'mid_block.resnets.0.inner';
    const groups = (normPolicy: PruningRule['normPolicy'], width: number) =>
      withWidths(spec, new Map([[inner, width]]), { scope: 'inner', normPolicy }).mid.first.norm2Groups;
    expect(spec.mid.first).toMatchObject({ inner: 16, norm2Groups: 4 });
    expect(groups('whole-groups', 12)).toBe(3);
    expect(groups('equal-per-group', 12)).toBe(4);
    expect(groups('gcd', 12)).toBe(4);
    expect(groups('gcd', 10)).toBe(2);
    expect(groups('gcd', 7)).toBe(1);
  });

  it('equal-per-group refuses channels that are more from one norm group than from another', () => {
    const rule: PruningRule = { scope: 'inner', normPolicy: 'equal-per-group' };
    const keep = (channels: number[]) => () =>
      sliceModel(spec, randomWeights(spec), new Map([['mid_block.resnets.0.inner', channels]]), rule);
    expect(keep([0, 5, 10, 15])).not.toThrow();
    expect(keep([0, 1, 10, 15])).toThrow(expect.objectContaining({ kind: 'input', code: 'KEEP_INVALID' }));
  });

  it('whole-groups is refused for streams, which several norms read', () => {
    expect(() => prunableWidths(spec, { ...innerRule, scope: 'all' })).toThrow(
      expect.objectContaining({ kind: 'input', code: 'PRUNING_RULE' }),
    );
  });

  it('a shortcut stays when pruning makes both its sides equally wide', () => {
    const rule: PruningRule = { scope: 'all', normPolicy: 'gcd' };
    const narrow = smallSpec({ multipliers: [1], attention: [] });
    const half = new Map(['conv_in.out', 'up_blocks.0.resnets.0.out'].map((id) => [id, 4]));
    const pruned = withWidths(narrow, half, rule);
    // 4 channels arrive from the block before and 4 from the skip; 8 leave.
    expect(pruned.up[0].blocks[1].res).toMatchObject({ in: 8, out: 8, shortcut: true });
    expect(tensorShapes(pruned).get('up_blocks.0.resnets.1.conv_shortcut.weight')).toEqual([8, 8, 1, 1]);
    expect(unetSpecSchema.parse(JSON.parse(JSON.stringify(pruned)))).toEqual(pruned);
  });

  it('specs of earlier versions have a shortcut where the width changes', () => {
    const stored = JSON.parse(JSON.stringify(spec), (key, value: unknown) =>
      key === 'shortcut' ? undefined : value,
    ) as unknown;
    expect(stored).not.toEqual(spec);
    expect(unetSpecSchema.parse(stored)).toEqual(spec);
  });
});
