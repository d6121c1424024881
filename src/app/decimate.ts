/**
 * Indices of at most `limit` points that draw the same picture: both ends, and of every stretch the least and the greatest
 * value, so that no spike is lost.
 */
export function decimatedIndices(values: readonly number[], limit: number): number[] {
  const count = values.length;
  if (count <= limit) return values.map((_, index) => index);
  const stretches = Math.floor((limit - 2) / 2);
  const kept = new Set([0, count - 1]);
  for (let stretch = 0; stretch < stretches; stretch++) {
    const from = Math.floor((stretch * count) / stretches);
    const to = Math.floor(((stretch + 1) * count) / stretches);
    let least = from;
    let greatest = from;
    for (let index = from + 1; index < to; index++) {
      if (values[index] < values[least]) least = index;
      if (values[index] > values[greatest]) greatest = index;
    }
    kept.add(least).add(greatest);
  }
  return [...kept].sort((a, b) => a - b);
}
