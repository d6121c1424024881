import fc from 'fast-check';
import { expect, test } from 'vitest';
import { heatCells } from '../../renderer/lib/heatCells.js';
import { decimate, smooth } from '../../renderer/lib/smoothing.js';

test('a constant stays that constant, however strong the smoothing', () => {
  for (const weight of [0, 0.5, 0.99]) {
    smooth(new Array<number>(50).fill(3), weight).forEach((value) => expect(value).toBeCloseTo(3, 12));
  }
});

test('smoothing is the weighted mean of all values so far', () => {
  const values = [4, 1, 7, 2];
  const weight = 0.6;
  const expected = values.map((_, last) => {
    const weights = values.slice(0, last + 1).map((_, index) => weight ** (last - index));
    const total = weights.reduce((sum, part) => sum + part, 0);
    return weights.reduce((sum, part, index) => sum + part * values[index], 0) / total;
  });
  smooth(values, weight).forEach((value, index) => expect(value).toBeCloseTo(expected[index], 12));
});

test('a value that is not finite leaves a gap and disturbs no other', () => {
  const [first, gap, last] = smooth([2, Number.NaN, 2], 0.9);
  expect(gap).toBeNaN();
  expect([first, last]).toEqual([2, expect.closeTo(2, 12)]);
});

test('decimation keeps both ends, the lowest and the highest point, and the order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 3000 }),
      fc.integer({ min: 10, max: 500 }),
      (ys, limit) => {
        const points = ys.map((y, x) => ({ x, y }));
        const kept = decimate(points, limit);
        expect(kept.length).toBeLessThanOrEqual(Math.max(limit, 4));
        expect(kept[0]).toBe(points[0]);
        expect(kept.at(-1)).toBe(points.at(-1));
        const heights = kept.map(({ y }) => y);
        expect(Math.min(...heights)).toBe(ys.reduce((low, y) => Math.min(low, y)));
        expect(Math.max(...heights)).toBe(ys.reduce((high, y) => Math.max(high, y)));
        kept.slice(1).forEach(({ x }, index) => expect(x).toBeGreaterThan(kept[index].x));
      },
    ),
  );
});

test('a heat map averages what was measured and leaves out what was not', () => {
  const lines = [
    { step: 1, lossByTimestep: [1, null] },
    { step: 2, lossByTimestep: [3, 8] },
    { step: 3, lossByTimestep: [] },
  ];
  const heat = heatCells(lines, { timesteps: 1000, mostColumns: 1 });
  expect(heat.cells).toEqual([
    { column: 0, step: 2, fromTimestep: 0, toTimestep: 500, loss: 2 },
    { column: 0, step: 2, fromTimestep: 500, toTimestep: 1000, loss: 8 },
  ]);
  expect([heat.fraction(2), heat.fraction(4), heat.fraction(8)]).toEqual([0, 0.5, 1]);
});

test('a heat map of steps that were not measured by timestep is empty and has a colour for any loss', () => {
  const heat = heatCells([{ step: 1, lossByTimestep: [] }], { timesteps: 1000, mostColumns: 5 });
  expect(heat.cells).toEqual([]);
  expect(heat.fraction(3)).toBe(0.5);
});
