import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupingSchema, type GroupingConfig } from '../../src/contract/config.js';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import { absoluteDeviation, medoidDissimilarity, optimalBounds } from '../../src/method/intervalClustering.js';
import { partitionTimesteps } from '../../src/method/partition.js';

const linear = noiseSchedule({ schedule: 'linear', timesteps: 1000 });
const cosine = noiseSchedule({ schedule: 'cosine', timesteps: 1000 });
const grouping = (values: Partial<GroupingConfig>): GroupingConfig => groupingSchema.parse(values);

// The tables were computed outside this code, with a dynamic programme checked against brute force.
describe('partitionTimesteps, published and independently computed tables', () => {
  it.each([
    [3, [0, 333, 667, 1000]],
    [4, [0, 250, 500, 750, 1000]],
    [8, [0, 125, 250, 375, 500, 625, 750, 875, 1000]],
  ])('uniform, %i groups', (groups, bounds) => {
    expect(partitionTimesteps(grouping({ method: 'uniform', groups }), linear).bounds).toEqual(bounds);
  });

  it.each([
    ['linear', 2, null, [0, 303, 1000]],
    ['linear', 4, null, [0, 31, 303, 722, 1000]],
    ['linear', 5, null, [0, 17, 139, 493, 785, 1000]],
    ['linear', 8, null, [0, 7, 31, 110, 303, 536, 722, 872, 1000]],
    ['cosine', 2, null, [0, 943, 1000]],
    ['cosine', 4, null, [0, 161, 943, 998, 1000]],
    ['cosine', 5, null, [0, 74, 760, 987, 999, 1000]],
    ['cosine', 8, null, [0, 19, 161, 668, 943, 991, 998, 999, 1000]],
    ['linear', 2, 20, [0, 259, 1000]],
    ['linear', 4, 20, [0, 93, 259, 485, 1000]],
    ['linear', 5, 20, [0, 73, 178, 350, 527, 1000]],
    ['linear', 8, 20, [0, 51, 93, 161, 259, 373, 485, 585, 1000]],
    ['cosine', 2, 20, [0, 496, 1000]],
    ['cosine', 4, 20, [0, 188, 496, 803, 1000]],
    ['cosine', 5, 20, [0, 150, 353, 638, 842, 1000]],
    ['cosine', 8, 20, [0, 105, 188, 320, 496, 671, 803, 887, 1000]],
  ] as const)('snr-uniform, %s, %i groups, clip %s dB', (kind, groups, clipDb, bounds) => {
    const schedule = kind === 'linear' ? linear : cosine;
    expect(partitionTimesteps(grouping({ method: 'snr-uniform', groups, clipDb }), schedule).bounds).toEqual(bounds);
  });

  it.each([
    ['linear', 2, [0, 569, 1000], 7685.395],
    ['linear', 3, [0, 347, 708, 1000], 5414.008],
    ['linear', 4, [0, 221, 522, 779, 1000], 4174.489],
    ['linear', 5, [0, 153, 394, 624, 823, 1000], 3395.056],
    ['linear', 8, [0, 67, 188, 341, 496, 639, 768, 887, 1000], 2173.562],
    ['cosine', 2, [0, 505, 1000], null],
    ['cosine', 3, [0, 291, 724, 1000], null],
    ['cosine', 4, [0, 189, 510, 825, 1000], null],
    ['cosine', 5, [0, 133, 372, 653, 881, 1000], null],
    ['cosine', 8, [0, 63, 178, 335, 518, 697, 846, 949, 1000], null],
  ] as const)('dp-snr, %s, %i groups', (kind, groups, bounds, cost) => {
    const found = partitionTimesteps(grouping({ method: 'dp-snr', groups }), kind === 'linear' ? linear : cosine);
    expect(found.bounds).toEqual(bounds);
    if (cost !== null) expect(Math.abs(found.cost - cost)).toBeLessThan(6e-4);
  });

  it.each([
    [2, 125_000, [0, 500, 1000]],
    [4, 62_500, [0, 250, 500, 750, 1000]],
    [5, 50_000, [0, 200, 400, 600, 800, 1000]],
  ])('dp-timestep, %i groups: least cost, and the even cut among the ties', (groups, cost, bounds) => {
    const found = partitionTimesteps(grouping({ method: 'dp-timestep', groups }), linear);
    expect(found).toEqual({ bounds, cost, provisional: false });
  });

  it('dp-timestep, 3 groups: bounds within one timestep of thirds', () => {
    const { bounds } = partitionTimesteps(grouping({ method: 'dp-timestep', groups: 3 }), linear);
    [0, 333, 666, 1000].forEach((bound, j) => expect(Math.abs(bounds[j] - bound)).toBeLessThanOrEqual(1));
  });
});

/** Every cut of [0, length) into groups of legal size, as bounds. */
function allBounds(length: number, groups: number, smallest: number, largest: number, from = 0): number[][] {
  if (groups === 0) return from === length ? [[length]] : [];
  const cuts: number[][] = [];
  for (let to = from + smallest; to <= Math.min(length, from + largest); to++) {
    for (const rest of allBounds(length, groups - 1, smallest, largest, to)) cuts.push([from, ...rest]);
  }
  return cuts;
}

/** Distances to the best of all centres, by trying each. */
function bruteCost(positions: readonly number[], from: number, to: number): number {
  const group = positions.slice(from, to);
  return Math.min(...group.map((centre) => group.reduce((sum, value) => sum + Math.abs(value - centre), 0)));
}

describe('optimalBounds', () => {
  it('costs what the best of all cuts costs, by brute force', () => {
    const cases = fc
      .record({
        positions: fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1, maxLength: 14 }),
        groups: fc.integer({ min: 1, max: 5 }),
        smallest: fc.integer({ min: 1, max: 3 }),
        largest: fc.integer({ min: 1, max: 14 }),
      })
      .map((value) => ({ ...value, positions: value.positions.sort((a, b) => a - b) }));
    let feasible = 0;
    fc.assert(
      fc.property(cases, ({ positions, groups, smallest, largest }) => {
        const cuts = allBounds(positions.length, groups, smallest, largest);
        if (cuts.length === 0) return;
        feasible++;
        const total = (bounds: readonly number[]) =>
          bounds.slice(1).reduce((sum, to, j) => sum + bruteCost(positions, bounds[j], to), 0);
        const cost = absoluteDeviation(Float64Array.from(positions));
        for (const isMonge of [false, true]) {
          const found = optimalBounds(cost, groups, positions.length, { smallest, largest, isMonge });
          expect(cuts).toContainEqual(found);
          expect(total(found)).toBe(Math.min(...cuts.map(total)));
        }
      }),
      { numRuns: 400, seed: 1 },
    );
    expect(feasible).toBeGreaterThan(100);
  });

  it('the short search of a Monge cost finds the very cut of the exhaustive one, ties and rounding included', () => {
    const steps = fc.oneof(
      // Equal distances, plateaus and jumps: many cuts cost the same.
      fc.array(fc.constantFrom(0, 0, 1, 1, 1, 100), { minLength: 20, maxLength: 160 }),
      fc.array(fc.constant(1), { minLength: 20, maxLength: 160 }),
      fc.array(fc.constant(0.1), { minLength: 20, maxLength: 160 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 20, maxLength: 160 }),
    );
    const cases = fc.record({
      steps,
      groups: fc.integer({ min: 1, max: 9 }),
      smallest: fc.integer({ min: 1, max: 2 }),
      largest: fc.integer({ min: 18, max: 200 }),
    });
    fc.assert(
      fc.property(cases, ({ steps, groups, smallest, largest }) => {
        let position = -30;
        const positions = Float64Array.from(steps, (step) => (position += step));
        const cost = absoluteDeviation(positions);
        const limits = { smallest, largest: Math.max(largest, Math.ceil(steps.length / groups)) };
        const exhaustive = optimalBounds(cost, groups, steps.length, limits);
        expect(optimalBounds(cost, groups, steps.length, { ...limits, isMonge: true })).toEqual(exhaustive);
      }),
      { numRuns: 1000, seed: 1 },
    );
  });

  it('distances to the median are a Monge cost', () => {
    const cases = fc.record({
      positions: fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 4, maxLength: 30 }),
      ends: fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()),
    });
    fc.assert(
      fc.property(cases, ({ positions, ends }) => {
        const cost = absoluteDeviation(Float64Array.from(positions.sort((a, b) => a - b)));
        const [a, b, c, d] = ends.map((end) => end % (positions.length + 1)).sort((x, y) => x - y);
        if (b === c) return;
        expect(cost(a, c) + cost(b, d)).toBeLessThanOrEqual(cost(a, d) + cost(b, c));
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});

describe('limits', () => {
  const methods = ['uniform', 'snr-uniform', 'dp-timestep', 'dp-snr'] as const;

  it('every method covers [0, T) with groups of legal size', () => {
    const cases = fc.record({
      method: fc.constantFrom(...methods),
      schedule: fc.constantFrom('linear' as const, 'cosine' as const),
      timesteps: fc.integer({ min: 2, max: 60 }),
      groups: fc.integer({ min: 1, max: 12 }),
      minSize: fc.integer({ min: 0, max: 10 }),
      maxSize: fc.integer({ min: 0, max: 30 }),
      clipDb: fc.option(fc.double({ min: 0.01, max: 40, noNaN: true })),
    });
    let partitioned = 0;
    fc.assert(
      fc.property(cases, ({ schedule, timesteps, ...values }) => {
        const { groups, minSize, maxSize } = values;
        const largest = maxSize === 0 ? timesteps : maxSize;
        const smallest = Math.max(1, minSize);
        const possible = smallest <= largest && groups * smallest <= timesteps && groups * largest >= timesteps;
        const partition = () => partitionTimesteps(grouping(values), noiseSchedule({ schedule, timesteps }));
        if (!possible) {
          const code = groups > timesteps ? 'GROUPS_EXCEED_TIMESTEPS' : 'GROUP_SIZE_INFEASIBLE';
          expect(partition).toThrow(expect.objectContaining({ kind: 'input', code }));
          return;
        }
        partitioned++;
        const { bounds, cost } = partition();
        expect([bounds[0], bounds[groups], bounds.length]).toEqual([0, timesteps, groups + 1]);
        for (let j = 0; j < groups; j++) {
          expect(bounds[j + 1] - bounds[j]).toBeGreaterThanOrEqual(smallest);
          expect(bounds[j + 1] - bounds[j]).toBeLessThanOrEqual(largest);
        }
        expect(cost).toBeGreaterThanOrEqual(-1e-9);
      }),
      { numRuns: 500, seed: 1 },
    );
    expect(partitioned).toBeGreaterThan(100);
  });

  it('states the cost of even cuts in the units of the clustering, which never costs more', () => {
    const cost = (method: (typeof methods)[number]) => partitionTimesteps(grouping({ method, groups: 4 }), linear).cost;
    expect(cost('uniform')).toBe(62_500);
    expect(cost('snr-uniform')).toBeGreaterThan(cost('dp-snr'));
  });
});

/** A symmetric similarity with unit diagonal from values in [-1, 1], one per pair. */
function similarityOf(length: number, pairs: readonly number[]): Float64Array {
  const similarity = new Float64Array(length ** 2);
  for (let a = 0, pair = 0; a < length; a++) {
    similarity[a * length + a] = 1;
    for (let b = 0; b < a; b++) {
      similarity[a * length + b] = similarity[b * length + a] = pairs[pair++ % pairs.length];
    }
  }
  return similarity;
}

/** Minus the summed similarity to the best medoid of [from, to): ANT's cost, by trying each. */
function bruteAffinity(similarity: Float64Array, length: number, from: number, to: number): number {
  const members = Array.from({ length: to - from }, (_, index) => from + index);
  return -Math.max(...members.map((centre) => members.reduce((sum, t) => sum + similarity[centre * length + t], 0)));
}

describe('gradient similarity', () => {
  const cases = fc
    .record({
      length: fc.integer({ min: 1, max: 16 }),
      pairs: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 120, maxLength: 120 }),
      groups: fc.integer({ min: 1, max: 4 }),
      similarityWeight: fc.double({ min: 0, max: 1, noNaN: true }),
      minSize: fc.integer({ min: 0, max: 3 }),
    })
    .filter(({ length, groups, minSize }) => length >= 2 && groups * Math.max(1, minSize) <= length);

  it('dp-gradient reaches the greatest summed similarity to medoids, by brute force', () => {
    fc.assert(
      fc.property(cases, ({ length, pairs, groups, minSize }) => {
        const similarity = similarityOf(length, pairs);
        const schedule = noiseSchedule({ schedule: 'linear', timesteps: length });
        const config = grouping({ method: 'dp-gradient', groups, minSize });
        const { bounds, cost, provisional } = partitionTimesteps(config, schedule, similarity);
        const total = (cut: readonly number[]) =>
          cut.slice(1).reduce((sum, to, j) => sum + bruteAffinity(similarity, length, cut[j], to), 0);
        const best = Math.min(...allBounds(length, groups, Math.max(1, minSize), length).map(total));
        expect(total(bounds)).toBeCloseTo(best, 9);
        expect(cost).toBeCloseTo(length + best, 9);
        expect(provisional).toBe(false);
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it('mixture minimises the weighted shares of both costs, by brute force', () => {
    fc.assert(
      fc.property(cases, ({ length, pairs, groups, similarityWeight }) => {
        const similarity = similarityOf(length, pairs);
        const schedule = noiseSchedule({ schedule: 'cosine', timesteps: length });
        const difficulty = [...schedule.snrDb].map((db) => -db);
        const apart = (from: number, to: number) => to - from + bruteAffinity(similarity, length, from, to);
        const share = (value: number, whole: number) => (whole > 0 ? value / whole : 0);
        const total = (cut: readonly number[]) =>
          cut
            .slice(1)
            .reduce(
              (sum, to, j) =>
                sum +
                similarityWeight * share(apart(cut[j], to), apart(0, length)) +
                (1 - similarityWeight) * share(bruteCost(difficulty, cut[j], to), bruteCost(difficulty, 0, length)),
              0,
            );
        const config = grouping({ method: 'mixture', groups, similarityWeight });
        const { bounds, cost } = partitionTimesteps(config, schedule, similarity);
        const best = Math.min(...allBounds(length, groups, 1, length).map(total));
        expect(total(bounds)).toBeCloseTo(best, 9);
        expect(cost).toBeCloseTo(best, 9);
      }),
      { numRuns: 150, seed: 2 },
    );
  });

  it('a mixture of difficulty alone, and one without a matrix, cut as dp-snr does', () => {
    const similarity = similarityOf(16, [0.5, 0.1, 0.9]);
    const schedule = noiseSchedule({ schedule: 'linear', timesteps: 16 });
    const bySnr = partitionTimesteps(grouping({ method: 'dp-snr', groups: 3 }), schedule);
    const mixture = grouping({ method: 'mixture', groups: 3, similarityWeight: 0 });
    expect(partitionTimesteps(mixture, schedule, similarity).bounds).toEqual(bySnr.bounds);
    expect(partitionTimesteps(mixture, schedule)).toEqual({ ...bySnr, provisional: true });
  });

  it('finds the blocks of a block similarity', () => {
    const block = (t: number) => (t < 200 ? 0 : t < 650 ? 1 : 2);
    const similarity = Float64Array.from({ length: 1e6 }, (_, i) => {
      const [a, b] = [Math.floor(i / 1000), i % 1000];
      return a === b ? 1 : block(a) === block(b) ? 0.8 : 0.1;
    });
    const config = grouping({ method: 'dp-gradient', groups: 3 });
    expect(partitionTimesteps(config, linear, similarity).bounds).toEqual([0, 200, 650, 1000]);
  });

  it('the medoid of an interval need not be in a shorter one', () => {
    const similarity = similarityOf(3, [0, 0.9, 0.9]);
    const cost = medoidDissimilarity(similarity, 3);
    expect(cost(0, 2)).toBeCloseTo(1, 12);
    expect(cost(0, 3)).toBeCloseTo(0.2, 12);
  });
});

describe('hand-set bounds', () => {
  it('take the place of method and groups', () => {
    const config = grouping({ bounds: [0, 100, 700, 1000] });
    expect(config.groups).toBe(3);
    expect(partitionTimesteps(config, linear)).toMatchObject({ bounds: [0, 100, 700, 1000], provisional: false });
  });

  it.each([
    ['not from 0', [1, 500, 1000], 'BOUNDS_INVALID'],
    ['overlapping', [0, 600, 500, 1000], 'BOUNDS_INVALID'],
    ['an empty group', [0, 500, 500, 1000], 'BOUNDS_INVALID'],
    ['short of T', [0, 500, 999], 'BOUNDS_INVALID'],
    ['beyond T', [0, 500, 1001], 'BOUNDS_INVALID'],
  ])('refused: %s', (_name, bounds, code) => {
    expect(() => partitionTimesteps(grouping({ bounds }), linear)).toThrow(
      expect.objectContaining({ kind: 'input', code }),
    );
  });

  it('obey the size limits', () => {
    expect(() => partitionTimesteps(grouping({ bounds: [0, 100, 1000], minSize: 150 }), linear)).toThrow(
      expect.objectContaining({ code: 'GROUP_SIZE_INFEASIBLE' }),
    );
  });
});
