import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float64Algebra } from '../../src/tensor/float64.js';
import { nativeFloat64 } from '../../src/tensor/nativeFloat64.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { availableEngines } from '../training/availableEngines.js';
import { frechetDistance } from '../../src/evaluation/frechet.js';
import {
  emptyStatistics,
  mergeStatistics,
  momentsOf,
  statisticsOf,
  type Moments,
} from '../../src/evaluation/gaussianStatistics.js';

interface GoldenCase {
  name: string;
  dimensions: number;
  first: number[];
  second: number[];
  frechet: number;
}

// test/golden/make_frechet.py, numpy, scipy and mpmath
const golden = JSON.parse(readFileSync(new URL('../golden/frechet.json', import.meta.url), 'utf8')) as {
  cases: GoldenCase[];
};

function isotropic(mean: number[], scale: number): Moments {
  const dimensions = mean.length;
  const covariance = new Float64Array(dimensions * dimensions);
  for (let axis = 0; axis < dimensions; axis += 1) covariance[axis * dimensions + axis] = scale * scale;
  return { dimensions, mean: Float64Array.from(mean), covariance };
}

function momentsOfData(values: readonly number[], dimensions: number): Moments {
  return momentsOf(statisticsOf(Float64Array.from(values), dimensions));
}

const vectors = (dimensions: number, minimum: number) =>
  fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: minimum, maxLength: 12 * dimensions }).map(
    // whole vectors only
    (values) => values.slice(0, Math.floor(values.length / dimensions) * dimensions),
  );

describe('frechetDistance', () => {
  it('has the closed form |m|^2 + d (1 - s)^2 between N(0, I) and N(m, s^2 I)', () => {
    const shift = Array.from({ length: 40 }, (_, axis) => Math.sin(axis));
    const squaredShift = shift.reduce((sum, value) => sum + value * value, 0);
    for (const scale of [0, 0.25, 1, 3]) {
      const distance = frechetDistance(isotropic(new Array<number>(40).fill(0), 1), isotropic(shift, scale));
      expect(distance).toBeCloseTo(squaredShift + 40 * (1 - scale) ** 2, 9);
    }
  });

  it.each(golden.cases)('agrees with scipy or mpmath: $name', ({ dimensions, first, second, frechet }) => {
    const distance = frechetDistance(momentsOfData(first, dimensions), momentsOfData(second, dimensions));
    expect(Math.abs(distance - frechet) / frechet).toBeLessThan(1e-7);
  });

  it('is 0 for identical sets, with fewer images than dimensions too', () => {
    for (const { first, dimensions } of golden.cases) {
      const moments = momentsOfData(first, dimensions);
      expect(Math.abs(frechetDistance(moments, moments))).toBeLessThan(1e-9);
    }
  });

  it('is |mu1 - mu2|^2 for equal covariances', () => {
    const { first, dimensions } = golden.cases[2]!;
    const shifted = first.map((value, index) => value + (index % dimensions));
    const expected = Array.from({ length: dimensions }, (_, axis) => axis * axis).reduce((a, b) => a + b, 0);
    const distance = frechetDistance(momentsOfData(first, dimensions), momentsOfData(shifted, dimensions));
    expect(distance).toBeCloseTo(expected, 8);
  });

  it('is symmetric', () => {
    const { first, second, dimensions } = golden.cases[3]!;
    const a = momentsOfData(first, dimensions);
    const b = momentsOfData(second, dimensions);
    expect(frechetDistance(a, b) / frechetDistance(b, a)).toBeCloseTo(1, 7);
  });

  it('refuses features of different dimensions and covariances that are not finite', () => {
    expect(() => frechetDistance(isotropic([0], 1), isotropic([0, 0], 1))).toThrowError(
      expect.objectContaining({ code: 'FEATURES_DIFFER' }),
    );
    expect(() => frechetDistance(isotropic([0], Number.NaN), isotropic([0], 1))).toThrowError(
      expect.objectContaining({ code: 'FEATURES_NOT_FINITE' }),
    );
  });
});

/** A Gaussian whose covariance has these eigenvalues along the columns of a fixed reflection I - 2 v v^T. */
function alongReflection(variances: readonly number[]): Moments {
  const dimensions = variances.length;
  const v = variances.map((_, axis) => Math.sin(axis + 1));
  const length = Math.hypot(...v);
  const q = (row: number, column: number) => (row === column ? 1 : 0) - (2 * v[row]! * v[column]!) / length ** 2;
  const covariance = new Float64Array(dimensions * dimensions);
  for (let i = 0; i < dimensions; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      const value = variances.reduce((sum, variance, k) => sum + q(i, k) * variance * q(j, k), 0);
      covariance[i * dimensions + j] = value;
      covariance[j * dimensions + i] = value;
    }
  }
  return { dimensions, mean: new Float64Array(dimensions), covariance };
}

const engines = await availableEngines();
const ways = engines.map((engine) => ({ engine, way: 'as it is', algebraOf: () => float64Algebra(150) }));
if (engines.includes('native')) {
  ways.push({ engine: 'native', way: 'without our own operations', algebraOf: () => nativeFloat64(false) });
}

describe.each(ways)('frechetDistance on the $engine engine $way', ({ engine, algebraOf }) => {
  /** Large enough that the native engine computes it. */
  const axes = Array.from({ length: 150 }, (_, axis) => axis);

  it.each<[string, (axis: number) => number, (axis: number) => number]>([
    ['full rank', (axis) => 1 + Math.sin(axis) ** 2, (axis) => 2 + Math.cos(axis)],
    [
      'variances that fall as those of image features do',
      (axis) => (axis + 1) ** -1.5,
      (axis) => 1.2 * (axis + 1) ** -1.4,
    ],
    ['variances over 12 decades', (axis) => 10 ** (-axis / 12), (axis) => 10 ** (-axis / 13)],
    ['one side of low rank', (axis) => (axis < 40 ? 1 : 0), (axis) => 1 + axis / 50],
    ['both sides of low rank', (axis) => (axis < 40 ? 1 : 0), (axis) => (axis < 90 ? 0.5 + axis / 50 : 0)],
    ['directions that no two images share', (axis) => (axis < 40 ? 1 : 0), (axis) => (axis < 40 ? 0 : 2)],
  ])('is sum (sqrt a - sqrt b)^2 for covariances with equal axes: %s', async (_name, first, second) => {
    await openEngine(engine);
    const distance = frechetDistance(alongReflection(axes.map(first)), alongReflection(axes.map(second)), algebraOf());
    const expected = axes.reduce((sum, axis) => sum + (Math.sqrt(first(axis)) - Math.sqrt(second(axis))) ** 2, 0);
    expect(Math.abs(distance - expected) / expected).toBeLessThan(1e-7);
  });

  it.each(golden.cases)('agrees with scipy or mpmath: $name', async ({ dimensions, first, second, frechet }) => {
    await openEngine(engine);
    const [a, b] = [momentsOfData(first, dimensions), momentsOfData(second, dimensions)];
    expect(Math.abs(frechetDistance(a, b, algebraOf()) - frechet) / frechet).toBeLessThan(1e-7);
  });

  it.each<[string, (axis: number) => number]>([
    ['full rank', (axis) => 1 + axis / 10],
    ['variances over 9 decades', (axis) => 10 ** (-axis / 16)],
    ['low rank', (axis) => (axis < 60 ? 1 + axis : 0)],
    ['constant features', () => 0],
  ])('is 0 within 1e-9 of the variance for identical sets: %s', async (_name, variance) => {
    await openEngine(engine);
    const set = alongReflection(axes.map(variance));
    const total = axes.reduce((sum, axis) => sum + variance(axis), 0);
    expect(Math.abs(frechetDistance(set, set, algebraOf()))).toBeLessThanOrEqual(1e-9 * total);
  });
});

describe('gaussian statistics', () => {
  it('gives a mean and a covariance divided by count - 1 (worked by hand)', () => {
    const { mean, covariance } = momentsOfData([1, 2, 3, 6, 5, 4], 2);
    expect([...mean]).toEqual([3, 4]);
    expect([...covariance]).toEqual([4, 2, 2, 4]);
  });

  it('merges shards into what one pass gives, wherever the cut is', () => {
    fc.assert(
      fc.property(vectors(3, 6), fc.nat(), (values, cut) => {
        const at = (cut % (values.length / 3 + 1)) * 3;
        const merged = mergeStatistics(
          mergeStatistics(emptyStatistics(3), statisticsOf(Float64Array.from(values.slice(0, at)), 3)),
          statisticsOf(Float64Array.from(values.slice(at)), 3),
        );
        const whole = statisticsOf(Float64Array.from(values), 3);
        expect(merged.count).toBe(whole.count);
        whole.mean.forEach((value, axis) => expect(merged.mean[axis]).toBeCloseTo(value, 9));
        whole.scatter.forEach((value, index) => expect(merged.scatter[index]).toBeCloseTo(value, 7));
      }),
    );
  });

  it('keeps its precision when the mean is far from zero', () => {
    const offset = 1e8;
    const shards = [0, 1, 2, 3].map((value) => statisticsOf(Float64Array.of(offset + value), 1));
    const { covariance } = momentsOf(shards.reduce(mergeStatistics));
    expect(covariance[0]).toBeCloseTo(5 / 3, 6);
  });

  it('refuses a covariance of one vector, ragged features and shards of different features', () => {
    expect(() => momentsOfData([1, 2], 2)).toThrowError(expect.objectContaining({ code: 'TOO_FEW_IMAGES' }));
    expect(() => momentsOfData([1, 2, 3], 2)).toThrowError(expect.objectContaining({ code: 'FEATURES_SHAPE' }));
    expect(() => mergeStatistics(emptyStatistics(1), emptyStatistics(2))).toThrowError(
      expect.objectContaining({ code: 'FEATURES_DIFFER' }),
    );
  });
});
