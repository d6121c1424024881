import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { budgetSchema, groupingSchema, type BudgetConfig } from '../../src/contract/config.js';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import {
  assignBudgets,
  linearBudgets,
  ranksByIncrease,
  ranksByNoise,
  visitedPerGroup,
} from '../../src/method/budget.js';
import { partitionTimesteps } from '../../src/method/partition.js';
import { visitedTimesteps } from '../../src/sampling/timestepGrid.js';

const linear = noiseSchedule({ schedule: 'linear', timesteps: 1000 });
const budget = (values: Partial<BudgetConfig>): BudgetConfig => budgetSchema.parse(values);
const bounds = (method: 'uniform' | 'snr-uniform', groups: number) =>
  partitionTimesteps(groupingSchema.parse({ method, groups }), linear).bounds;
const everyTimestep = visitedTimesteps({ method: 'ddpm', steps: 1000, grid: 'uniform' }, 1000);
const uniform100 = visitedTimesteps({ method: 'ddim', steps: 100, grid: 'uniform' }, 1000);
const quadratic100 = visitedTimesteps({ method: 'ddim', steps: 100, grid: 'quadratic' }, 1000);

describe('linearBudgets', () => {
  it('is the straight line of the paper, whole base at the last rank', () => {
    const ratios = linearBudgets(ranksByNoise(5, 'high-snr'), 0.5, 1);
    [1, 0.9, 0.8, 0.7, 0.6].forEach((ratio, group) => expect(ratios[group]).toBeCloseTo(ratio, 12));
  });

  it('starts at k when ranks count from 0', () => {
    const ratios = linearBudgets(ranksByNoise(5, 'high-snr'), 0.5, 0);
    [0.9, 0.8, 0.7, 0.6, 0.5].forEach((ratio, group) => expect(ratios[group]).toBeCloseTo(ratio, 12));
  });

  it('turns round for the other orientation', () => {
    for (const indexBase of [0, 1] as const) {
      const highSnr = linearBudgets(ranksByNoise(7, 'high-snr'), 0.3, indexBase);
      expect(linearBudgets(ranksByNoise(7, 'low-snr'), 0.3, indexBase)).toEqual(highSnr.reverse());
    }
  });
});

describe('assignBudgets', () => {
  // Closed form for equally visited groups: k = (2Nm - N - 1)/(N - 1), and (2Nm - N + 1)/(N + 1), at m = 0.8.
  it.each([
    [2, 0.2, 0.733],
    [3, 0.4, 0.7],
    [4, 0.467, 0.68],
    [5, 0.5, 0.667],
    [6, 0.52, 0.657],
    [8, 0.543, 0.644],
    [10, 0.556, 0.636],
  ])('solves k for a mean of 0.80 over %i equal groups', (groups, fromOne, fromZero) => {
    const size = 12;
    const equal = Array.from({ length: groups + 1 }, (_, j) => j * size);
    const visited = Int32Array.from({ length: groups * size }, (_, t) => t);
    const solved = (indexBase: 0 | 1) => assignBudgets(budget({ targetMean: 0.8, indexBase }), equal, visited);
    expect(Math.abs(solved(1).k - fromOne)).toBeLessThan(6e-4);
    expect(Math.abs(solved(0).k - fromZero)).toBeLessThan(6e-4);
    expect(solved(1).mean).toBeCloseTo(0.8, 12);
  });

  it.each([
    [4, 'uniform', 0.6, 0.85, 0.85, 0.931],
    [4, 'snr-uniform', 0.6, 0.806, 0.808, 0.876],
    [4, 'snr-uniform', 0.4, 0.708, 0.712, 0.814],
    [5, 'uniform', 0.5, 0.8, 0.8, 0.906],
    [5, 'snr-uniform', 0.6, 0.795, 0.796, 0.867],
    [8, 'snr-uniform', 0.6, 0.779, 0.781, 0.853],
  ] as const)('%i groups, %s, k=%d: exact means of three samplers', (groups, method, k, full, even, quadratic) => {
    const mean = (visited: Int32Array) => assignBudgets(budget({ k }), bounds(method, groups), visited).mean;
    expect(Math.abs(mean(everyTimestep) - full)).toBeLessThan(6e-4);
    expect(Math.abs(mean(uniform100) - even)).toBeLessThan(6e-4);
    expect(Math.abs(mean(quadratic100) - quadratic)).toBeLessThan(6e-4);
  });

  it('counts repeated timesteps of the quadratic grid', () => {
    expect(visitedPerGroup(bounds('uniform', 4), quadratic100)).toEqual([56, 23, 17, 4]);
  });

  it('solves k over the steps that are visited, in either orientation and index base', () => {
    const cases = fc.record({
      targetMean: fc.double({ min: 0.01, max: 1, noNaN: true }),
      indexBase: fc.constantFrom(0 as const, 1 as const),
      orientation: fc.constantFrom('high-snr' as const, 'low-snr' as const),
      groups: fc.integer({ min: 1, max: 12 }),
      visited: fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 60 }),
    });
    const outcomes = { reached: 0, refused: 0 };
    fc.assert(
      fc.property(cases, ({ groups, visited, ...values }) => {
        const cut = bounds('uniform', groups);
        const steps = Int32Array.from(visited);
        const meanAt = (k: number) => assignBudgets(budget({ ...values, k }), cut, steps).mean;
        const lowest = meanAt(1e-12);
        if (Math.abs(values.targetMean - lowest) < 1e-9) return;
        if (values.targetMean < lowest) {
          outcomes.refused++;
          expect(() => assignBudgets(budget(values), cut, steps)).toThrow(
            expect.objectContaining({ kind: 'input', code: 'BUDGET_UNREACHABLE' }),
          );
          return;
        }
        outcomes.reached++;
        const { k, perGroup, mean } = assignBudgets(budget(values), cut, steps);
        expect(mean).toBeCloseTo(values.targetMean, 9);
        expect(k).toBeGreaterThan(0);
        expect(k).toBeLessThanOrEqual(1);
        const byStep = visited.map((t) => perGroup[cut.findLastIndex((bound) => bound <= t)]);
        expect(mean).toBeCloseTo(byStep.reduce((sum, ratio) => sum + ratio, 0) / visited.length, 9);
      }),
      { seed: 1, numRuns: 300 },
    );
    expect(Math.min(outcomes.reached, outcomes.refused)).toBeGreaterThan(30);
  });

  it('gives a group that is never visited a budget, and no weight', () => {
    const onlyLittleNoise = Int32Array.of(150, 100, 50, 0);
    const { perGroup, visited, mean } = assignBudgets(budget({ k: 0.5 }), [0, 200, 1000], onlyLittleNoise);
    expect({ perGroup, visited, mean }).toEqual({ perGroup: [1, 0.75], visited: [4, 0], mean: 1 });
  });

  it('says what can be reached when the target cannot', () => {
    expect(() => assignBudgets(budget({ targetMean: 0.5 }), bounds('uniform', 5), uniform100)).toThrow(
      'reaches means above 0.6000 and up to 1',
    );
    expect(() => assignBudgets(budget({ targetMean: 0.8 }), [0, 1000], uniform100)).toThrow(
      'reaches means of exactly 1',
    );
  });
});

describe('budget rules', () => {
  const cut = bounds('uniform', 4);

  it('takes explicit ratios as they are, and states their mean over the visited steps', () => {
    const ratios = [0.9, 0.5, 0.7, 0.6];
    const { k, perGroup, mean } = assignBudgets(budget({ rule: 'explicit', ratios }), cut, quadratic100);
    expect(perGroup).toEqual(ratios);
    expect(k).toBe(0.5);
    expect(mean).toBeCloseTo((56 * 0.9 + 23 * 0.5 + 17 * 0.7 + 4 * 0.6) / 100, 12);
  });

  it.each([[null], [[1, 0.5, 0.5]], [[1, 1, 1, 1, 1]]])('refuses %j for four groups', (ratios) => {
    expect(() => assignBudgets(budget({ rule: 'explicit', ratios }), cut, uniform100)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'RATIOS_MISMATCH' }),
    );
  });

  it('gives the largest model to the group that suffers most, and meets the mean', () => {
    const measured = budget({ rule: 'measured', targetMean: 0.8 });
    const { perGroup, mean, provisional } = assignBudgets(measured, cut, quadratic100, [0.1, 0.4, 0.3, 0.2]);
    const bySize = perGroup.map((ratio, group) => ({ ratio, group })).sort((a, b) => b.ratio - a.ratio);
    expect(bySize.map(({ group }) => group)).toEqual([1, 2, 3, 0]);
    expect(perGroup[1]).toBe(1);
    expect(mean).toBeCloseTo(0.8, 12);
    expect(provisional).toBe(false);
  });

  it('goes by the orientation until losses were measured, and says so', () => {
    const provisional = assignBudgets(budget({ rule: 'measured' }), cut, uniform100);
    const linearRule = assignBudgets(budget({}), cut, uniform100);
    expect(provisional).toEqual({ ...linearRule, provisional: true });
  });

  it('ranks equal increases by noise', () => {
    expect(ranksByIncrease([0.2, 0.2, 0.1, 0.2])).toEqual([3, 2, 0, 1]);
  });
});
