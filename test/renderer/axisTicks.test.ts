import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linearTicks, logTicks, niceStep, roundIndices, tickLabel } from '../../renderer/lib/axisTicks.js';

describe('labels of an axis', () => {
  test('steps are 1, 2 or 5 times a power of ten', () => {
    expect([niceStep(1000, 5), niceStep(1000, 6), niceStep(0.7, 6), niceStep(23, 6)]).toEqual([200, 200, 0.2, 5]);
  });

  test('a linear axis has round numbers, without the dust of multiplying', () => {
    expect(linearTicks(0, 1, 6)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearTicks(-0.1, 0.35, 6)).toEqual([-0.1, 0, 0.1, 0.2, 0.3]);
    expect(linearTicks(5, 5)).toEqual([5]);
  });

  test('a logarithmic axis has powers of ten, and digits between them where there is room', () => {
    expect(logTicks(1, 1e6)).toEqual([1, 10, 100, 1000, 1e4, 1e5, 1e6]);
    expect(logTicks(0.01, 1)).toEqual([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]);
    expect(logTicks(0.02, 0.9)).toEqual([0.02, 0.05, 0.1, 0.2, 0.5]);
    expect(logTicks(0.02, 0.048)).toEqual([0.02, 0.03, 0.04]);
    expect(logTicks(0.0203, 0.0248)).toEqual([0.021, 0.022, 0.023, 0.024]);
    expect(logTicks(1e-9, 1e9)).toEqual([1e-9, 1e-6, 1e-3, 1, 1e3, 1e6, 1e9]);
  });

  test('labels lie on the axis, ascend, and are few', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-8, max: 1e8, noNaN: true }),
        fc.double({ min: 1.01, max: 1e9, noNaN: true }),
        (min, ratio) => {
          const max = min * ratio;
          const ticks = logTicks(min, max);
          expect(ticks.length).toBeGreaterThan(0);
          expect(ticks.length).toBeLessThanOrEqual(10);
          ticks.forEach((tick, index) => {
            expect(tick).toBeGreaterThanOrEqual(min * 0.998);
            expect(tick).toBeLessThanOrEqual(max * 1.002);
            if (index > 0) expect(tick).toBeGreaterThan(ticks[index - 1]);
          });
        },
      ),
    );
  });

  test('columns are labelled at round steps', () => {
    const steps = Array.from({ length: 90 }, (_, column) => 10 * (column + 1));
    expect(roundIndices(steps, 6).map((index) => steps[index])).toEqual([10, 200, 400, 600, 800]);
    expect(roundIndices([], 6)).toEqual([]);
  });

  test('one axis is written in one way', () => {
    expect([0, 0.0005, 0.001, 12.5, 1000, 200_000].map(tickLabel)).toEqual([
      '0',
      '0.0005',
      '0.001',
      '12.5',
      '1,000',
      '200,000',
    ]);
    expect([2e-5, 3_500_000].map(tickLabel)).toEqual(['2e-5', '3.5e6']);
  });
});
