import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateWidths, keepIndices } from '../../src/method/allocation.js';
import { rankChannels } from '../../src/method/channelRanking.js';
import type { ImportanceScores } from '../../src/method/importance.js';
import { macsOfWidths, reachableMacs, widthSpace } from '../../src/method/widthSpace.js';
import { countModel } from '../../src/model/countModel.js';
import { prunableWidths } from '../../src/model/prunableWidths.js';
import type { UNetSpec } from '../../src/model/spec.js';
import { cifarSpec, innerRule, randomScores, tinySpec } from './tinyModel.js';

const methods = ['uniform', 'global'] as const;
const minimumKeep = 0.125;
const rule = { ...innerRule, minimumKeep };
const keptOf = (spec: UNetSpec, scores: ImportanceScores, widths: ReadonlyMap<string, number>) =>
  keepIndices(rankChannels(prunableWidths(spec, innerRule), scores), widths);

function keptImportance(spec: UNetSpec, scores: ImportanceScores, widths: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [id, channels] of keptOf(spec, scores, widths)) {
    for (const channel of channels) sum += scores.get(id)![channel];
  }
  return sum;
}

describe('widthSpace', () => {
  it('costs of norm groups add up exactly', () => {
    const space = widthSpace(cifarSpec(), rule);
    const widths = new Map(space.choices.map(({ id, full, unit }, index) => [id, full - unit * (index % 7)]));
    const saved = space.choices.reduce((sum, { macsPerUnit }, index) => sum + macsPerUnit * (index % 7), 0);
    expect(macsOfWidths(space, widths)).toBe(space.maxMacs - saved);
  });

  it('keeps at least the minimum fraction, rounded up to whole norm groups, and one norm group', () => {
    const minima = (keep: number) =>
      widthSpace(tinySpec(), { ...innerRule, minimumKeep: keep }).choices.map(({ minimum }) => minimum);
    expect(minima(1e-9)).toEqual([2, 2, 2, 2, 2]);
    expect(minima(0.25)).toEqual([2, 2, 2, 2, 2]);
    expect(minima(0.26)).toEqual([4, 4, 4, 4, 4]);
    expect(minima(1)).toEqual([8, 8, 8, 8, 8]);
  });
});

describe('reachableMacs', () => {
  it('follows the closed form 0.243 + 0.757 r of the CIFAR-10 network', () => {
    const { minMacs: min, maxMacs: max } = reachableMacs(cifarSpec(), { ...innerRule, minimumKeep: 0.25 });
    expect(max).toBe(6_053_953_536);
    expect(min / max).toBeCloseTo(0.243 + 0.757 * 0.25, 3);
  });
});

describe.each(methods)('allocateWidths, %s', (method) => {
  const spec = cifarSpec();
  const scores = randomScores(spec, 1);
  const base = countModel(spec).macs;
  const { minMacs: min, maxMacs: max } = reachableMacs(spec, rule);

  it.each([0.9, 0.8, 0.7, 0.6, 0.5])('meets %d of the CIFAR-10 network within 0.2 %%', (ratio) => {
    const { widths, macs, targetMacs } = allocateWidths({
      spec,
      scores,
      targetMacs: ratio * base,
      method,
      rule,
    });
    expect(targetMacs).toBe(ratio * base);
    expect(macs).toBe(macsOfWidths(widthSpace(spec, rule), widths));
    expect(Math.abs(macs / base - ratio)).toBeLessThan(0.002);
  });

  it('gives the base for the whole budget and the minimum for the smallest', () => {
    const whole = allocateWidths({ spec, scores, targetMacs: max, method, rule });
    expect(whole.widths).toEqual(new Map(prunableWidths(spec, innerRule).map(({ id, width }) => [id, width])));
    const least = allocateWidths({ spec, scores, targetMacs: min, method, rule });
    expect(least.macs).toBe(min);
  });

  it.each([min - 100, max + 100, Number.NaN])('refuses %d MACs and names what can be reached', (targetMacs) => {
    expect(() => allocateWidths({ spec, scores, targetMacs, method, rule })).toThrow(
      expect.objectContaining({
        kind: 'input',
        code: 'BUDGET_UNREACHABLE',
        hint: expect.stringMatching(new RegExp(`${min} MACs .*${max} MACs \\(1\\.0000`)),
      }),
    );
  });

  it('never gives a smaller width or less kept importance to a greater budget, and stays legal', () => {
    const tiny = tinySpec();
    const { choices, minMacs, maxMacs, tolerance } = widthSpace(tiny, rule);
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.integer(), share, share, (seed, a, b) => {
        const tinyScores = randomScores(tiny, seed >>> 0);
        const [small, large] = [Math.min(a, b), Math.max(a, b)].map((fraction) =>
          allocateWidths({
            spec: tiny,
            scores: tinyScores,
            targetMacs: minMacs + fraction * (maxMacs - minMacs),
            method,
            rule,
          }),
        );
        for (const { id, full, unit, minimum } of choices) {
          expect(small.widths.get(id)).toBeLessThanOrEqual(large.widths.get(id)!);
          expect(small.widths.get(id)! % unit).toBe(0);
          expect(small.widths.get(id)).toBeGreaterThanOrEqual(minimum);
          expect(large.widths.get(id)).toBeLessThanOrEqual(full);
        }
        expect(keptImportance(tiny, tinyScores, small.widths)).toBeLessThanOrEqual(
          keptImportance(tiny, tinyScores, large.widths) + 1e-9,
        );
        expect(Math.abs(small.macs - small.targetMacs)).toBeLessThanOrEqual(tolerance);
      }),
      { numRuns: 60 },
    );
  });
});

describe('allocateWidths, uniform', () => {
  it('keeps one fraction of every width, to within one norm group', () => {
    const spec = cifarSpec();
    const scores = randomScores(spec, 1);
    const targetMacs = (0.243 + 0.757 * 0.5) * countModel(spec).macs;
    const { widths } = allocateWidths({ spec, scores, targetMacs, method: 'uniform', rule });
    for (const { id, width } of prunableWidths(spec, innerRule)) {
      expect(Math.abs(widths.get(id)! / width - 0.5)).toBeLessThanOrEqual(1 / 32 + 1e-12);
    }
  });
});

describe('allocateWidths, global', () => {
  it('keeps more importance than any other widths of no more MACs (brute force)', () => {
    const spec = tinySpec();
    const space = widthSpace(spec, rule);
    const scores = randomScores(spec, 5);
    const everything = space.choices.reduce<Map<string, number>[]>(
      (all, { id }) => all.flatMap((widths) => [2, 4, 6, 8].map((width) => new Map(widths).set(id, width))),
      [new Map()],
    );
    expect(everything).toHaveLength(1024);
    const listed = everything.map((widths) => ({
      macs: macsOfWidths(space, widths),
      kept: keptImportance(spec, scores, widths),
    }));
    for (const ratio of [0.95, 0.85, 0.75, 0.65, 0.55, 0.45]) {
      const targetMacs = Math.max(space.minMacs, ratio * space.maxMacs);
      const { widths, macs } = allocateWidths({ spec, scores, targetMacs, method: 'global', rule });
      const best = Math.max(...listed.filter((other) => other.macs <= macs).map((other) => other.kept));
      expect(keptImportance(spec, scores, widths)).toBeCloseTo(best, 9);
    }
  });
});

describe('keepIndices', () => {
  it('keeps the best whole norm groups, in channel order', () => {
    const spec = tinySpec();
    const [{ id }] = prunableWidths(spec, innerRule);
    const scores = new Map(randomScores(spec, 1)).set(id, Float64Array.of(9, 0, 1, 1, 4, 4, 0, 8.5));
    expect(keptOf(spec, scores, new Map([[id, 6]])).get(id)).toEqual([0, 1, 4, 5, 6, 7]);
    expect(keptOf(spec, scores, new Map([[id, 2]])).get(id)).toEqual([0, 1]);
    expect(keptOf(spec, scores, new Map()).get(id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('refuses scores of another model', () => {
    const spec = tinySpec();
    const [{ id }] = prunableWidths(spec, innerRule);
    const short = new Map(randomScores(spec, 1)).set(id, Float64Array.of(1, 2));
    expect(() => keptOf(spec, short, new Map())).toThrow(expect.objectContaining({ code: 'IMPORTANCE_MISMATCH' }));
    const broken = new Map(randomScores(spec, 1)).set(id, new Float64Array(8).fill(Number.NaN));
    expect(() => keptOf(spec, broken, new Map())).toThrow(/finite/);
  });
});
