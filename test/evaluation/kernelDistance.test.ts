import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelDistance } from '../../src/evaluation/kernelDistance.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomNormal, randomPermutation } from '../../src/tensor/random.js';

interface GoldenCase {
  name: string;
  dimensions: number;
  first: number[];
  second: number[];
  kid: number;
}

// test/golden/make_frechet.py, numpy
const golden = JSON.parse(readFileSync(new URL('../golden/frechet.json', import.meta.url), 'utf8')) as {
  cases: GoldenCase[];
};

const normal = (index: number, count: number) =>
  Float64Array.from(randomNormal({ seed: 3, stream: 'test', index }, count));

beforeAll(() => openEngine('auto'));

describe('kernelDistance', () => {
  it.each(golden.cases)('on whole sets agrees with numpy: $name', async ({ first, second, dimensions, kid }) => {
    const length = Math.min(first.length, second.length);
    const whole = await kernelDistance({
      first: Float64Array.from(first.slice(0, length)),
      second: Float64Array.from(second.slice(0, length)),
      dimensions,
      subsets: 1,
      subsetSize: length / dimensions,
      seed: 0,
    });
    expect(Math.abs(whole.mean - kid) / Math.abs(kid)).toBeLessThan(1e-5);
    expect(whole.std).toBe(0);
  });

  it('takes nothing from the diagonal of a set with itself but everything across sets (worked by hand)', async () => {
    // d = 1, kernel (xy + 1)^3: within {0, 1}: 1; within {2, 3}: 7^3 = 343; across: 1, 1, 3^3, 4^3, mean 23.25
    const distance = await kernelDistance({
      first: Float64Array.of(0, 1),
      second: Float64Array.of(2, 3),
      dimensions: 1,
      subsets: 4,
      subsetSize: 2,
      seed: 0,
    });
    expect(distance.mean).toBeCloseTo(1 + 343 - 2 * 23.25, 9);
  });

  it('is near 0 for two halves of one set, and far from it for another distribution', async () => {
    const [first, second] = [normal(2, 600 * 8), normal(3, 600 * 8)];
    const shared = { dimensions: 8, subsets: 20, subsetSize: 200, seed: 1 };
    const halves = await kernelDistance({ ...shared, first, second });
    const other = await kernelDistance({ ...shared, first, second: second.map((value) => value * 1.5) });
    expect(Math.abs(halves.mean)).toBeLessThan(0.01);
    expect(other.mean).toBeGreaterThan(10 * Math.abs(halves.mean));
  });

  it.each([
    { name: 'rows that subsets share', count: 1300, subsets: 12, subsetSize: 520 },
    { name: 'subsets of large sets', count: 1300, subsets: 2, subsetSize: 300 },
  ])('is the estimator written out, in several blocks of rows: $name', async ({ count, subsets, subsetSize }) => {
    const dimensions = 3;
    const [first, second] = [normal(7, count * dimensions), normal(8, (count + 50) * dimensions)];
    const distance = await kernelDistance({ first, second, dimensions, subsets, subsetSize, seed: 5 });
    const expected = Array.from({ length: subsets }, (_, index) => {
      const draw = (values: Float64Array, stream: string) =>
        [...randomPermutation({ seed: 5, stream, index }, values.length / dimensions).subarray(0, subsetSize)].map(
          (row) => values.subarray(row * dimensions, (row + 1) * dimensions),
        );
      const [x, y] = [draw(first, 'kid/first'), draw(second, 'kid/second')];
      const mean = (a: Float64Array[], b: Float64Array[], pairs: number) => {
        let sum = 0;
        for (const [i, u] of a.entries()) {
          for (const [j, v] of b.entries()) {
            if (a !== b || i !== j) sum += ((u[0] * v[0] + u[1] * v[1] + u[2] * v[2]) / dimensions + 1) ** 3;
          }
        }
        return sum / pairs;
      };
      const within = subsetSize * (subsetSize - 1);
      return mean(x, x, within) + mean(y, y, within) - 2 * mean(x, y, subsetSize ** 2);
    });
    const mean = expected.reduce((sum, value) => sum + value, 0) / subsets;
    const variance = expected.reduce((sum, value) => sum + (value - mean) ** 2, 0) / subsets;
    // float32 features and inner products
    expect(Math.abs(distance.mean - mean)).toBeLessThan(1e-6);
    expect(Math.abs(distance.std - Math.sqrt(variance))).toBeLessThan(1e-6);
  });

  it('is a function of the seed, and reports the subsets it could draw', async () => {
    const [first, second] = [normal(4, 50 * 4), normal(5, 90 * 4)];
    const run = (seed: number) => kernelDistance({ first, second, dimensions: 4, seed });
    const distance = await run(7);
    expect(distance).toEqual(await run(7));
    expect(distance.mean).not.toBe((await run(8)).mean);
    expect(distance).toMatchObject({ subsets: 100, subsetSize: 25 });
    expect(distance.std).toBeGreaterThan(0);
  });

  it('refuses subsets that do not fit, and stops when asked', async () => {
    const features = normal(6, 10 * 2);
    const options = { first: features, second: features, dimensions: 2, seed: 0 };
    await expect(kernelDistance({ ...options, subsetSize: 11 })).rejects.toMatchObject({ code: 'KID_SUBSET' });
    await expect(kernelDistance({ ...options, second: features.slice(0, 4) })).rejects.toMatchObject({
      code: 'KID_SUBSET',
    });
    await expect(kernelDistance({ ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
  });
});
