import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decimatedIndices } from '../../src/app/decimate.js';

it('keeps both ends, the extremes and the order, within the limit', () => {
  const values = fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(values, fc.integer({ min: 10, max: 50 }), (series, limit) => {
      const kept = decimatedIndices(series, limit);
      expect(kept.length).toBeLessThanOrEqual(limit);
      expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
      expect([kept[0], kept.at(-1)]).toEqual([0, series.length - 1]);
      const shown = kept.map((index) => series[index]);
      expect(Math.max(...shown)).toBe(Math.max(...series));
      expect(Math.min(...shown)).toBe(Math.min(...series));
    }),
  );
});

it('a short series stays whole', () => {
  expect(decimatedIndices([3, 1, 2], 10)).toEqual([0, 1, 2]);
});
