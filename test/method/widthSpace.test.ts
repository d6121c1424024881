import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateWidths, keepIndices } from '../../src/method/allocation.js';
import { rankChannels } from '../../src/method/channelRanking.js';
import { projectWidths } from '../../src/method/projectWidths.js';
import { costChange, macsOfWidths, widthSpace, type WidthRule } from '../../src/method/widthSpace.js';
import { countModel } from '../../src/model/countModel.js';
import { sliceModel } from '../../src/model/sliceModel.js';
import { smallSpec } from '../model/networks.js';
import { cifarSpec, randomScores, randomWeights } from './tinyModel.js';

const spec = smallSpec({ channels: 16, multipliers: [1, 2], blocks: 1 });
const rules: WidthRule[] = [
  { scope: 'inner+attention', normPolicy: 'whole-groups', minimumKeep: 0.25 },
  { scope: 'all', normPolicy: 'equal-per-group', minimumKeep: 0.25 },
  { scope: 'all', normPolicy: 'gcd', minimumKeep: 0.25 },
  { scope: 'inner', normPolicy: 'whole-groups', minimumKeep: 0.25, widthMultiple: 8 },
];
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe.each(rules)('widths in scope $scope by $normPolicy', (rule) => {
  const space = widthSpace(spec, rule);

  it('cost what the counter counts, step by step along any path', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(space.choices.length - 1), { maxLength: 40 }), (path) => {
        const widths = new Map(space.choices.map(({ id, full }) => [id, full]));
        let macs = space.maxMacs;
        for (const index of path) {
          const choice = space.choices[index];
          if (widths.get(choice.id)! <= choice.minimum) continue;
          macs -= -costChange(choice, widths, -1);
          widths.set(choice.id, widths.get(choice.id)! - choice.unit);
        }
        expect(macs).toBe(macsOfWidths(space, widths));
      }),
      { numRuns: 30, seed: 1 },
    );
  });

  it.each(['uniform', 'global'] as const)(
    'are allocated (%s) to the nearest MACs on a monotone chain, and can be sliced',
    (method) => {
      const scores = randomScores(spec, 3, rule);
      const weights = randomWeights(spec, 1);
      const ranking = rankChannels(space.prunable, scores);
      fc.assert(
        fc.property(share, share, (a, b) => {
          const [small, large] = [Math.min(a, b), Math.max(a, b)].map((part) =>
            allocateWidths({
              spec,
              scores,
              targetMacs: space.minMacs + part * (space.maxMacs - space.minMacs),
              method,
              rule,
            }),
          );
          for (const { id } of space.choices) expect(small.widths.get(id)).toBeLessThanOrEqual(large.widths.get(id)!);
          for (const { widths, macs, targetMacs } of [small, large]) {
            expect(Math.abs(macs - targetMacs)).toBeLessThanOrEqual(space.tolerance);
            const sliced = sliceModel(spec, weights, keepIndices(ranking, widths), rule);
            expect(countModel(sliced.spec).macs).toBe(macs);
          }
        }),
        { numRuns: 12, seed: 2 },
      );
    },
  );

  it('can be brought to a budget from any proposal', () => {
    const ranking = rankChannels(space.prunable, randomScores(spec, 4, rule));
    const ids = space.choices.map(({ id }) => id);
    const proposals = fc.array(fc.tuple(fc.constantFrom(...ids), fc.integer({ min: 1, max: 64 })), { minLength: 1 });
    fc.assert(
      fc.property(proposals, share, (pairs, part) => {
        const targetMacs = space.minMacs + part * (space.maxMacs - space.minMacs);
        const result = projectWidths(new Map(pairs), space, ranking, targetMacs);
        if (!result.accepted) throw new Error(result.reason);
        expect(result.macs).toBe(macsOfWidths(space, result.widths));
        expect(Math.abs(result.macs - targetMacs)).toBeLessThanOrEqual(space.tolerance);
      }),
      { numRuns: 40, seed: 3 },
    );
  });
});

describe('rankChannels', () => {
  it('takes the best of each run, then the second of each, where sets are spread', () => {
    const width = { id: 'w', width: 6, unit: 2, spread: true };
    const scores = new Map([['w', Float64Array.of(1, 9, 2, 5, 4, 3)]]);
    expect(rankChannels([width], scores).get('w')).toEqual({
      sets: [
        [1, 3],
        [2, 4],
        [0, 5],
      ],
      importance: [14, 6, 4],
    });
  });

  it('ranks single channels where any may go', () => {
    const width = { id: 'w', width: 4, unit: 1, spread: false };
    const ranking = rankChannels([width], new Map([['w', Float64Array.of(1, 7, 3, 7)]]));
    expect(ranking.get('w')!.sets).toEqual([[1], [3], [2], [0]]);
    expect(keepIndices(ranking, new Map([['w', 3]])).get('w')).toEqual([1, 2, 3]);
  });
});

describe('what scopes reach on the published network', () => {
  // Whole network at a quarter of its widths: 0.063 of the MACs; inner and attention widths: 0.188 + 0.812 r.
  it.each<[WidthRule['scope'], WidthRule['normPolicy'], number]>([
    ['inner', 'whole-groups', 0.243 + 0.757 / 4],
    ['inner+attention', 'whole-groups', 0.188 + 0.812 / 4],
    ['all', 'equal-per-group', 0.063],
  ])('%s by %s', (scope, normPolicy, ratio) => {
    const { minMacs, maxMacs, choices } = widthSpace(cifarSpec(), { scope, normPolicy, minimumKeep: 0.25 });
    expect(minMacs / maxMacs).toBeCloseTo(ratio, 3);
    expect(choices.every(({ full, unit }) => full / unit <= 64)).toBe(true);
  });
});

describe('multiples of a number', () => {
  const legal = (widthMultiple: number) =>
    widthSpace(smallSpec({ channels: 24, multipliers: [1, 2], blocks: 1, normGroups: 4 }), {
      scope: 'inner',
      normPolicy: 'whole-groups',
      minimumKeep: 0.125,
      widthMultiple,
    }).choices.map(({ full, unit, minimum }) => [full, unit, minimum]);

  it('are the steps and the smallest widths, and whole norm groups', () => {
    // Norm groups of 6 and 12 channels.
    expect(new Map(legal(1).map(([full, ...grid]) => [full, grid]))).toEqual(
      new Map([
        [24, [6, 6]],
        [48, [12, 12]],
      ]),
    );
    expect(new Map(legal(8).map(([full, ...grid]) => [full, grid]))).toEqual(
      new Map([
        [24, [24, 24]],
        [48, [24, 24]],
      ]),
    );
  });

  it('leave a width alone that is none itself', () => {
    expect(new Map(legal(16).map(([full, ...grid]) => [full, grid]))).toEqual(
      new Map([
        [24, [6, 6]],
        [48, [48, 48]],
      ]),
    );
  });
});
