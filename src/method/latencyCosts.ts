import { inputError } from '../contract/errors.js';
import type { LatencyTable } from '../contract/results.js';
import type { WidthChoice } from './widthSpace.js';

/** Smallest cost of a unit, as a share of the mean cost of the width's units: no channel is free, whatever a clock says. */
const LEAST_SHARE = 0.05;

/**
 * What widths cost by measured time, in place of counted multiply-accumulates.
 *
 * Costs are in MACs of equal time: the base's MACs stand for the base's milliseconds, so a budget is the same ratio to either.
 * Between measured widths time is interpolated. Times that fall while widths grow, as noise makes them, are levelled to their
 * mean (isotonic regression), and every unit costs something.
 *
 * @param maxMacs MACs of the base network
 * @returns `WidthChoice.id` to the cost of 0, 1, ... units of channels, relative to none; strictly ascending
 * @throws LATENCY_MISMATCH when the table is not one of these widths
 */
export function latencyCosts(
  table: LatencyTable,
  choices: readonly Pick<WidthChoice, 'id' | 'full' | 'unit'>[],
  maxMacs: number,
): Map<string, readonly number[]> {
  const macsPerMillisecond = maxMacs / table.baseMilliseconds;
  return new Map(
    choices.map(({ id, full, unit }) => {
      const points = table.widths.find((width) => width.id === id && width.full === full)?.points;
      if (points === undefined) {
        throw inputError(
          'LATENCY_MISMATCH',
          `the latency table has no times of ${id} at ${full} channels`,
          'remove the project folder stages/latency, and run again to measure this network',
        );
      }
      const level = isotonic(points.map(({ milliseconds }) => milliseconds));
      const at = (width: number) => interpolate(points, level, width);
      const units = full / unit;
      const increments = Array.from({ length: units }, (_, k) => at((k + 1) * unit) - at(k * unit));
      const mean = increments.reduce((sum, value) => sum + value, 0) / units;
      // A width whose time does not depend on it at all still has to be ordered: its channels are next to free.
      const least = mean > 0 ? LEAST_SHARE * mean : (LEAST_SHARE * table.baseMilliseconds) / (choices.length * units);
      const costs = [0];
      for (const increment of increments) {
        costs.push(costs[costs.length - 1] + Math.max(increment, least) * macsPerMillisecond);
      }
      return [id, costs];
    }),
  );
}

/** The nearest sequence that never falls, by least squares (pool adjacent violators). */
export function isotonic(values: readonly number[]): number[] {
  const pools: { sum: number; count: number }[] = [];
  for (const value of values) {
    pools.push({ sum: value, count: 1 });
    for (;;) {
      const [before, last] = pools.slice(-2);
      if (last === undefined || before.sum / before.count <= last.sum / last.count) break;
      pools.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count });
    }
  }
  return pools.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count));
}

/** Straight lines between measured widths, and on beyond the first and the last; never less than nothing. */
function interpolate(points: readonly { width: number }[], values: readonly number[], width: number): number {
  if (points.length === 1) return values[0];
  const above = points.findIndex((point) => point.width >= width);
  const next = above === -1 ? points.length - 1 : Math.max(1, above);
  const [left, right] = [points[next - 1].width, points[next].width];
  const share = (width - left) / (right - left);
  return Math.max(0, values[next - 1] + share * (values[next] - values[next - 1]));
}
