/**
 * Exponential smoothing without the start-up bias of a plain moving average: the n-th value is divided by 1 - weight^n, so
 * that the first smoothed value is the first raw one. Values that are not finite are passed over and leave a gap.
 * @param weight 0 = raw, towards 1 = smoother
 */
export function smooth(values: readonly number[], weight: number): number[] {
  let sum = 0;
  let norm = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return Number.NaN;
    sum = sum * weight + value * (1 - weight);
    norm = norm * weight + (1 - weight);
    return norm === 0 ? value : sum / norm;
  });
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * At most about `limit` points that keep every bucket's lowest and highest value, so that a spike is never decimated away.
 * Order is kept; short series come back as they are.
 */
export function decimate(points: readonly Point[], limit: number): readonly Point[] {
  if (points.length <= limit || limit < 4) return points;
  const inner = points.length - 2;
  const buckets = Math.max(1, Math.floor((limit - 2) / 2));
  const kept: Point[] = [points[0]];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = 1 + Math.floor((bucket * inner) / buckets);
    const to = 1 + Math.floor(((bucket + 1) * inner) / buckets);
    let low = from;
    let high = from;
    for (let index = from; index < to; index++) {
      if (points[index].y < points[low].y) low = index;
      if (points[index].y > points[high].y) high = index;
    }
    kept.push(points[Math.min(low, high)]);
    if (low !== high) kept.push(points[Math.max(low, high)]);
  }
  kept.push(points[points.length - 1]);
  return kept;
}
