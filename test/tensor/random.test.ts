import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  randomIntegers,
  randomNormal,
  randomPermutation,
  randomUniform,
  type RandomKey,
} from '../../src/tensor/random.js';

const key: RandomKey = { seed: 7, stream: 'test', index: 0 };
const many = 200_000;

describe('distributions', () => {
  it('normal numbers have the moments and the distribution function of the normal law', () => {
    const x = randomNormal(key, many);
    const moment = (power: number) => x.reduce((sum, value) => sum + value ** power, 0) / many;
    // Five standard errors of each moment.
    const error = 5 / Math.sqrt(many);
    expect(Math.abs(moment(1))).toBeLessThan(error);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(error * Math.sqrt(2));
    expect(Math.abs(moment(3))).toBeLessThan(error * Math.sqrt(15));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(error * Math.sqrt(96));
    // Φ at five points, from tables.
    expect(
      kolmogorovSmirnov(x, [
        [-2, 0.0227501],
        [-1, 0.1586553],
        [0, 0.5],
        [0.5, 0.6914625],
        [3, 0.9986501],
      ]),
    ).toBeLessThan(2.2 / Math.sqrt(many));
  });

  it('the two normal numbers of a pair are uncorrelated, and so are neighbouring pairs', () => {
    const x = randomNormal(key, many);
    for (const lag of [1, 2, 3])
      expect(Math.abs(correlation(x.subarray(0, -lag), x.subarray(lag)))).toBeLessThan(0.012);
  });

  it('uniform numbers fill [0, 1) evenly', () => {
    const x = randomUniform(key, many);
    expect(Math.min(...x.subarray(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(x.every((value) => value < 1)).toBe(true);
    const points = [0.01, 0.25, 0.5, 0.75, 0.99].map((value): [number, number] => [value, value]);
    expect(kolmogorovSmirnov(x, points)).toBeLessThan(2.2 / Math.sqrt(many));
  });

  it('integers are unbiased where plain scaling of 32 bits is not', () => {
    // 3·2^30 values: the remainder of a 32-bit word would fall below 2^30 half of the time instead of a third.
    const x = randomIntegers(key, 30_000, -(2 ** 31), 2 ** 30);
    const low = x.filter((value) => value < -(2 ** 30)).length / x.length;
    expect(Math.abs(low - 1 / 3)).toBeLessThan(0.014);
  });

  it('small integers are equally frequent', () => {
    const counts = new Int32Array(10);
    for (const value of randomIntegers(key, 100_000, 0, 10)) counts[value] = (counts[value] as number) + 1;
    const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    // 9 degrees of freedom: 33.7 is the 0.9999 quantile.
    expect(chiSquared).toBeLessThan(33.7);
  });

  it('the six orders of three things are equally frequent', () => {
    const counts = new Map<string, number>();
    for (let index = 0; index < 6000; index += 1) {
      const order = randomPermutation({ ...key, index }, 3).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 5 degrees of freedom: 25.7 is the 0.9999 quantile.
    expect([...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(25.7);
  });
});

describe('keys', () => {
  it.each<[string, Partial<RandomKey>]>([
    ['seed', { seed: 8 }],
    ['high part of the seed', { seed: 7 + 2 ** 32 }],
    ['stream', { stream: 'tesu' }],
    ['index', { index: 1 }],
    ['high part of the index', { index: 2 ** 32 }],
  ])('another %s gives unrelated numbers', (_, other) => {
    const a = randomNormal(key, 20_000);
    const b = randomNormal({ ...key, ...other }, 20_000);
    expect(Math.abs(correlation(a, b))).toBeLessThan(0.036);
  });

  it('the first numbers do not depend on how many are asked for', () => {
    fc.assert(
      fc.property(fc.nat(600), fc.nat(600), fc.nat(), (short, more, index) => {
        const here = { ...key, index };
        const long = short + more;
        expect(randomNormal(here, long).subarray(0, short)).toEqual(randomNormal(here, short));
        expect(randomUniform(here, long).subarray(0, short)).toEqual(randomUniform(here, short));
        expect(randomIntegers(here, long, 0, 1000).subarray(0, short)).toEqual(randomIntegers(here, short, 0, 1000));
      }),
    );
  });

  it('integers stay within their bounds and permutations hold every number once', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer({ min: 1, max: 400 }), (a, b, count) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        if (low < high) {
          expect(randomIntegers(key, count, low, high).every((value) => value >= low && value < high)).toBe(true);
        }
        expect([...randomPermutation(key, count)].sort((x, y) => x - y)).toEqual(
          Array.from({ length: count }, (_, i) => i),
        );
      }),
    );
  });

  it('refuses what is not a position', () => {
    expect(() => randomNormal({ ...key, seed: -1 }, 1)).toThrow(RangeError);
    expect(() => randomNormal({ ...key, index: 0.5 }, 1)).toThrow(RangeError);
    expect(() => randomUniform(key, -1)).toThrow(RangeError);
    expect(() => randomIntegers(key, 1, 5, 5)).toThrow('no integers in [5, 5)');
    expect(() => randomIntegers(key, 1, 0, 2 ** 33)).toThrow(RangeError);
  });
});

/** Largest distance between the empirical and the given distribution function at some points. */
function kolmogorovSmirnov(x: Float32Array, points: readonly [value: number, probability: number][]): number {
  const distances = points.map(([value, probability]) => {
    const below = x.reduce((count, element) => count + Number(element < value), 0);
    return Math.abs(below / x.length - probability);
  });
  return Math.max(...distances);
}

/** Of numbers whose mean is 0 and variance 1. */
function correlation(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] as number), 0) / a.length;
}
