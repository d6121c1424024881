/** Cost of making one group of the timesteps [from, to). */
export type IntervalCost = (from: number, to: number) => number;

/**
 * Sum of the distances of positions [from, to) to their median, the centre that makes it least. Constant time per call, from
 * prefix sums. It is a Monge cost (see `CutLimits`).
 * @param positions ascending
 */
export function absoluteDeviation(positions: Float64Array): IntervalCost {
  const middle = positions[positions.length >> 1];
  // Counted from the median of all, no sum in here exceeds the cost of a single group: what rounding does is a share of that.
  const places = positions.map((position) => position - middle);
  const prefix = new Float64Array(places.length + 1);
  places.forEach((place, i) => {
    prefix[i + 1] = prefix[i] + place;
  });
  return (from, to) => {
    const median = (from + to) >> 1;
    const below = places[median] * (median - from) - (prefix[median] - prefix[from]);
    const above = prefix[to] - prefix[median] - places[median] * (to - median);
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
  /**
   * Set for a cost with cost(a, c) + cost(b, d) <= cost(a, d) + cost(b, c) for all a <= b <= c <= d (a Monge cost). Distances to
   * the median have that property (Gronlund et al., arXiv 1701.07204, section 2), those to a medoid do not.
   */
  readonly isMonge?: boolean;
}

/**
 * The bounds of the cheapest cut of [0, length) into `groups` contiguous intervals, by dynamic programming:
 * D[j, end] = min over start of D[j-1, start] + cost(start, end). Among equally cheap cuts the most even one is taken.
 *
 * O(groups * length^2) costs are asked for; of a Monge cost about groups * length * log(length), with the same result, because
 * the best start then never moves left where the end moves right.
 *
 * @param cost not negative
 */
export function optimalBounds(cost: IntervalCost, groups: number, length: number, limits: CutLimits): number[] {
  const { smallest, largest, isMonge = false } = limits;
  let best = new Float64Array(length + 1).fill(Infinity);
  best[0] = 0;
  const lastStart: Int32Array[] = [];
  for (let j = 1; j <= groups; j++) {
    const layer = new CutLayer(cost, best, j, limits, isMonge ? ROUNDING * cost(0, length) : Infinity);
    // Nobody asks where else the last interval could end.
    const from = j === groups ? length : j * smallest;
    const to = Math.min(length, j * largest);
    if (isMonge) layer.solveBetween(from, to, 0, length);
    else for (let end = from; end <= to; end++) layer.solve(end, 0, length);
    best = layer.best;
    lastStart.push(layer.startOf);
  }
  const bounds = [length];
  for (let j = groups - 1; j >= 0; j--) bounds.unshift(lastStart[j][bounds[0]]);
  return bounds;
}

/** Sums that differ by less than this share of the cost of a single group may be equal but for rounding; far above that. */
const ROUNDING = 1e-9;

/** The cheapest cuts into `groups` intervals of every beginning [0, end), found from those into one interval less. */
class CutLayer {
  readonly best: Float64Array<ArrayBuffer>;
  /** Where the last interval begins, by end. */
  readonly startOf: Int32Array;

  /** @param slack starts whose cuts cost at most this much more than the cheapest count as equally good */
  constructor(
    private readonly cost: IntervalCost,
    private readonly before: Float64Array,
    private readonly groups: number,
    private readonly limits: CutLimits,
    private readonly slack: number,
  ) {
    this.best = new Float64Array(before.length).fill(Infinity);
    this.startOf = new Int32Array(before.length);
  }

  /**
   * Solves the ends from `from` to `to`, knowing that every best start lies from `lowest` to `highest`: first the end in the
   * middle. The good starts of the ends on its left lie left of its last good one, those on its right right of its first. Both
   * count starts that are as good but for rounding, so that ties are broken as if every start had been looked at.
   */
  solveBetween(from: number, to: number, lowest: number, highest: number): void {
    if (from > to) return;
    const middle = (from + to) >> 1;
    const [first, last] = this.solve(middle, lowest, highest);
    this.solveBetween(from, middle - 1, lowest, last);
    this.solveBetween(middle + 1, to, first, highest);
  }

  /** Finds the best start for an end among those from `lowest` to `highest`. @returns the first and last good one */
  solve(end: number, lowest: number, highest: number): [number, number] {
    const { before, cost, best, startOf, groups } = this;
    const evenStart = (end * (groups - 1)) / groups;
    const from = Math.max(lowest, end - this.limits.largest, 0);
    const to = Math.min(highest, end - this.limits.smallest);
    let least = Infinity;
    let chosen = 0;
    for (let start = to; start >= from; start--) {
      const total = before[start] + cost(start, end);
      const isTie = total === least && Math.abs(start - evenStart) < Math.abs(chosen - evenStart);
      if (total < least || isTie) {
        least = total;
        chosen = start;
      }
    }
    best[end] = least;
    startOf[end] = chosen;
    const isGood = (start: number) => before[start] + cost(start, end) <= least + this.slack;
    let first = from;
    let last = to;
    while (first < chosen && !isGood(first)) first += 1;
    while (last > chosen && !isGood(last)) last -= 1;
    return [first, last];
  }
}
