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
 * The bounds of the cheapest cut of [0, length) into `groups` contiguous intervals, by dynamic programming in
 * O(groups * length^2): D[j, end] = min over start of D[j-1, start] + cost(start, end). Among equally cheap cuts the most even
 * one is taken.
 *
 * @param cost not negative, and never less for an interval that contains another
 * @param limits sizes that the caller found feasible: groups * smallest <= length <= groups * largest
 */
export function optimalBounds(
  cost: IntervalCost,
  groups: number,
  length: number,
  limits: { readonly smallest: number; readonly largest: number },
): number[] {
  const { smallest, largest } = limits;
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
        if (last > next[end]) break;
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
