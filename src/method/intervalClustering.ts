/** Cost of making one group of the timesteps [from, to). */
export type IntervalCost = (from: number, to: number) => number;

/**
 * Sum of the distances of positions [from, to) to their median, the centre that makes it least. Constant time per call, from
 * prefix sums.
 * @param positions ascending
 */
export function absoluteDeviation(positions: Float64Array): IntervalCost {
  const prefix = new Float64Array(positions.length + 1);
  positions.forEach((position, i) => {
    prefix[i + 1] = prefix[i] + position;
  });
  return (from, to) => {
    const median = (from + to) >> 1;
    const below = positions[median] * (median - from) - (prefix[median] - prefix[from]);
    const above = prefix[to] - prefix[median] - positions[median] * (to - median);
    return below + above;
  };
}

/**
 * Sum of the dissimilarities 1 - S(c, t) of positions [from, to) to their medoid c, the one of them that makes it least (ANT,
 * arXiv 2306.00354, with the optimal medoid). Up to the constant `length` per cut this is ANT's cost, minus the sum of S(c, t).
 *
 * All intervals are computed beforehand: length^3 / 6 additions (about 0.3 s for 1000 positions) and 8 length^2 bytes.
 *
 * @param similarity (length, length) row-major, symmetric, at most 1
 */
export function medoidDissimilarity(similarity: Float64Array, length: number): IntervalCost {
  const stride = length + 1;
  const costs = new Float64Array(length * stride);
  const sums = new Float64Array(length);
  for (let from = 0; from < length; from++) {
    sums.fill(0, from);
    for (let last = from; last < length; last++) {
      const row = last * length;
      let own = 0;
      let least = Infinity;
      for (let centre = from; centre < last; centre++) {
        const distance = 1 - similarity[row + centre];
        own += distance;
        const sum = (sums[centre] += distance);
        if (sum < least) least = sum;
      }
      sums[last] = own + 1 - similarity[row + last];
      costs[from * stride + last + 1] = Math.min(least, sums[last]);
    }
  }
  return (from, to) => costs[from * stride + to];
}

/** What bounds may be. */
interface CutLimits {
  /** Sizes that the caller found feasible: groups * smallest <= length <= groups * largest. */
  readonly smallest: number;
  readonly largest: number;
  /** Set for a cost that an interval may have less of than one inside it, as with medoids; the search is then exhaustive. */
  readonly mayShrink?: boolean;
}

/**
 * The bounds of the cheapest cut of [0, length) into `groups` contiguous intervals, by dynamic programming in
 * O(groups * length^2): D[j, end] = min over start of D[j-1, start] + cost(start, end). Among equally cheap cuts the most even
 * one is taken.
 *
 * @param cost not negative, and, without `mayShrink`, never less for an interval that contains another
 */
export function optimalBounds(cost: IntervalCost, groups: number, length: number, limits: CutLimits): number[] {
  const { smallest, largest, mayShrink = false } = limits;
  let best = new Float64Array(length + 1).fill(Infinity);
  best[0] = 0;
  const lastStart: Int32Array[] = [];
  for (let j = 1; j <= groups; j++) {
    const next = new Float64Array(length + 1).fill(Infinity);
    const startOf = new Int32Array(length + 1);
    for (let end = j * smallest; end <= Math.min(length, j * largest); end++) {
      const evenStart = (end * (j - 1)) / j;
      const lowest = Math.max(0, end - largest);
      // A longer last interval only costs more, so the search ends where it alone exceeds the best total.
      for (let start = end - smallest; start >= lowest; start--) {
        const last = cost(start, end);
        if (last > next[end] && !mayShrink) break;
        const total = best[start] + last;
        const isTie = total === next[end] && Math.abs(start - evenStart) < Math.abs(startOf[end] - evenStart);
        if (total < next[end] || isTie) {
          next[end] = total;
          startOf[end] = start;
        }
      }
    }
    best = next;
    lastStart.push(startOf);
  }
  const bounds = [length];
  for (let j = groups - 1; j >= 0; j--) bounds.unshift(lastStart[j][bounds[0]]);
  return bounds;
}
