import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LatencyTable } from '../../src/contract/results.js';
import { allocateInSpace } from '../../src/method/allocation.js';
import { rankChannels } from '../../src/method/channelRanking.js';
import { isotonic, latencyCosts } from '../../src/method/latencyCosts.js';
import { projectWidths } from '../../src/method/projectWidths.js';
import { costOfWidths, widthSpace } from '../../src/method/widthSpace.js';
import { innerRule, randomScores, tinySpec } from './tinyModel.js';

const spec = tinySpec();
const rule = { ...innerRule, minimumKeep: 0.25 };
const plain = widthSpace(spec, rule);

/** A table of the five widths of 2, 4, 6, 8 channels. */
function tableOf(times: (index: number, width: number) => number, baseMilliseconds = 100): LatencyTable {
  return {
    engine: { id: 'wasm', version: 'test', device: 'cpu', threads: null },
    batch: 1,
    baseMilliseconds,
    widths: plain.choices.map(({ id, full }, index) => ({
      id,
      full,
      points: [2, 4, 6, 8].map((width) => ({ width, milliseconds: times(index, width) })),
    })),
  };
}

describe('isotonic', () => {
  it.each<[number[], number[]]>([
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
    [
      [3, 1, 2],
      [2, 2, 2],
    ],
    [
      [1, 4, 2, 5],
      [1, 3, 3, 5],
    ],
    [
      [1, 5, 4, 0],
      [1, 3, 3, 3],
    ],
  ])('levels %j to %j', (values, level) => {
    expect(isotonic(values)).toEqual(level);
  });

  it('is the nearest sequence that never falls', () => {
    const values = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        values,
        fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 8, maxLength: 8 }),
        (list, other) => {
          const level = isotonic(list);
          const rival = other.slice(0, list.length).sort((a, b) => a - b);
          const distance = (to: readonly number[]) => list.reduce((sum, value, i) => sum + (value - to[i]) ** 2, 0);
          expect(level).toEqual([...level].sort((a, b) => a - b));
          expect(distance(level)).toBeLessThanOrEqual(distance(rival) + 1e-9);
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });
});

describe('latencyCosts', () => {
  const choice = { id: 'w', full: 8, unit: 2 };
  const table = (points: { width: number; milliseconds: number }[]): LatencyTable => ({
    ...tableOf(() => 0),
    widths: [{ id: 'w', full: 8, points }],
  });

  it('are MACs of equal time, by straight lines between the measured widths', () => {
    const points = [
      { width: 2, milliseconds: 10 },
      { width: 4, milliseconds: 12 },
      { width: 8, milliseconds: 24 },
    ];
    // 100 ms are 1000 MACs; a line through (2, 10) and (4, 12) gives 8 ms for none.
    expect(latencyCosts(table(points), [choice], 1000).get('w')).toEqual([0, 20, 40, 100, 160]);
  });

  it('always cost something, where time stays or falls', () => {
    const flat = [2, 4, 6, 8].map((width) => ({ width, milliseconds: width === 8 ? 6 : 10 - width }));
    const costs = latencyCosts(table(flat), [choice], 1000).get('w')!;
    costs.slice(1).forEach((cost, index) => expect(cost).toBeGreaterThan(costs[index]));
    expect(costs[4]).toBeLessThan(60);
  });

  it('refuse the table of another network', () => {
    expect(() => latencyCosts(table([{ width: 8, milliseconds: 1 }]), [{ ...choice, full: 16 }], 1000)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'LATENCY_MISMATCH' }),
    );
  });
});

describe('a space of measured time', () => {
  const scores = randomScores(spec, 1);

  it('in which time goes with MACs allocates as MACs do', () => {
    const msPerMac = 100 / plain.maxMacs;
    const table = tableOf((index, width) => 1 + (width / 2) * plain.choices[index].macsPerUnit * msPerMac);
    const space = widthSpace(spec, rule, table);
    expect(space.minMacs / plain.minMacs).toBeCloseTo(1, 9);
    for (const ratio of [0.9, 0.7, 0.6]) {
      const options = { targetMacs: ratio * plain.maxMacs, method: 'global' as const };
      const byTime = allocateInSpace(space, rankChannels(space.prunable, scores), options);
      expect(byTime).toEqual(allocateInSpace(plain, rankChannels(plain.prunable, scores), options));
    }
  });

  it('takes first what frees most time, whatever its MACs', () => {
    // Only the third width takes time.
    const space = widthSpace(
      spec,
      rule,
      tableOf((index, width) => (index === 2 ? 10 * width : 1)),
    );
    const equal = new Map(space.choices.map(({ id, full }) => [id, new Float64Array(full).fill(1)]));
    const { widths } = allocateInSpace(space, rankChannels(space.prunable, equal), {
      targetMacs: 0.6 * space.maxMacs,
      method: 'global',
    });
    expect([...widths.values()]).toEqual([8, 8, 4, 8, 8]);
    expect(costOfWidths(space, widths) / space.maxMacs).toBeCloseTo(0.6, 9);
  });

  it('meets every budget it can reach, never gives less to a greater one, and repairs any proposal', () => {
    const times = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 20, maxLength: 20 });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const proposals = fc.array(fc.integer({ min: -2, max: 12 }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(times, share, share, proposals, fc.constantFrom('uniform', 'global'), (ms, a, b, asked, method) => {
        const space = widthSpace(
          spec,
          rule,
          tableOf((index, width) => ms[4 * index + width / 2 - 1]),
        );
        const ranking = rankChannels(space.prunable, scores);
        const targets = [Math.min(a, b), Math.max(a, b)].map(
          (part) => space.minMacs + part * (space.maxMacs - space.minMacs),
        );
        const near = (widths: ReadonlyMap<string, number>, target: number) =>
          expect(Math.abs(costOfWidths(space, widths) - target)).toBeLessThanOrEqual(space.tolerance * (1 + 1e-9));
        const [small, large] = targets.map((targetMacs) => allocateInSpace(space, ranking, { targetMacs, method }));
        near(small.widths, targets[0]);
        near(large.widths, targets[1]);
        for (const { id } of space.choices) expect(small.widths.get(id)).toBeLessThanOrEqual(large.widths.get(id)!);
        const proposal = new Map(space.choices.map(({ id }, index) => [id, asked[index]]));
        const projected = projectWidths(proposal, space, ranking, targets[0]);
        if (!projected.accepted) throw new Error(projected.reason);
        near(projected.widths, targets[0]);
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  it('refuses a budget out of reach in words of time', () => {
    const space = widthSpace(
      spec,
      rule,
      tableOf(() => 1),
    );
    expect(() =>
      allocateInSpace(space, rankChannels(space.prunable, scores), {
        targetMacs: 0.5 * space.maxMacs,
        method: 'global',
      }),
    ).toThrow(
      expect.objectContaining({
        code: 'BUDGET_UNREACHABLE',
        hint: expect.stringMatching(/of the base's measured time/),
      }),
    );
  });
});
