import { describe, expect, it } from 'vitest';
import {
  formatCount,
  formatDistance,
  formatDuration,
  formatPercent,
  formatSi,
  formatSignificant,
  standardDeviation,
} from '../../src/report/format.js';

describe('numbers in reports', () => {
  it.each([
    [6_053_953_536, '6.05 G'],
    [35_746_307, '35.7 M'],
    [999.4e6, '999 M'],
    [999.6e6, '1.00 G'],
    [42, '42'],
    [0, '0'],
    [2.66e13, '26.6 T'],
  ])('SI: %d', (value, text) => expect(formatSi(value).replace('\u202f', ' ')).toBe(text));

  it.each([
    [0.17068, '0.171'],
    [0.0003, '0.000300'],
    [0.00000123, '1.23e−6'],
    [123.4, '123'],
    [-2.5, '−2.50'],
    [0, '0'],
  ])('three significant digits: %d', (value, text) => expect(formatSignificant(value)).toBe(text));

  it.each([
    [0.0000042, '4.20 µs'],
    [0.011, '11.0 ms'],
    [41, '41.0 s'],
    [459, '7.7 min'],
    [8 * 3600, '8.0 h'],
  ])('duration: %d s', (value, text) => expect(formatDuration(value).replace('\u202f', ' ')).toBe(text));

  it('counts, ratios and distances', () => {
    expect(formatCount(35_746_307)).toBe('35\u202f746\u202f307');
    expect(formatPercent(0.8037)).toBe('80.4\u202f%');
    expect(formatDistance(24.04)).toBe('24.04');
    expect(formatDistance(8.3505)).toBe('8.35');
    expect(formatDistance(0.73275)).toBe('0.7328');
    expect(formatDistance(-0.00012)).toBe('−0.0001');
  });

  it('standard deviation divides by n - 1 and needs two values', () => {
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(standardDeviation([3])).toBeNull();
  });
});
