import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kernelDistance, maximumMeanDiscrepancy } from '../../src/evaluation/kernelDistance.js';
import { randomNormal } from '../../src/tensor/random.js';

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

describe('kernelDistance', () => {
  it.each(golden.cases)('estimator agrees with numpy: $name', ({ first, second, dimensions, kid }) => {
    const value = maximumMeanDiscrepancy(Float64Array.from(first), Float64Array.from(second), dimensions);
    expect(Math.abs(value - kid) / kid).toBeLessThan(1e-10);
  });

  it('equals the estimator on the whole sets when every subset is the whole set', async () => {
    const first = normal(0, 30 * 4);
    const second = normal(1, 30 * 4).map((value) => value * 2);
    const distance = await kernelDistance({ first, second, dimensions: 4, subsets: 3, subsetSize: 30, seed: 0 });
    expect(distance.mean).toBeCloseTo(maximumMeanDiscrepancy(first, second, 4), 12);
    expect(distance.std).toBeCloseTo(0, 12);
  });

  it('is near 0 for two halves of one set, and far from it for another distribution', async () => {
    const [first, second] = [normal(2, 600 * 8), normal(3, 600 * 8)];
    const shared = { dimensions: 8, subsets: 20, subsetSize: 200, seed: 1 };
    const halves = await kernelDistance({ ...shared, first, second });
    const other = await kernelDistance({ ...shared, first, second: second.map((value) => value * 1.5) });
    expect(Math.abs(halves.mean)).toBeLessThan(0.01);
    expect(other.mean).toBeGreaterThan(10 * Math.abs(halves.mean));
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
