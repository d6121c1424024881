/** Plain float64 helpers for checking tensor operations: fixed pseudo-random values and numerical gradients. */

/** Values in [-1, 1) from a 32-bit linear congruential generator. */
export function values(count: number, seed: number): Float64Array {
  let state = seed >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Rounded to float32, so that both sides compute on the same inputs.
    return Math.fround(state / 2 ** 31 - 1);
  });
}

/** Central differences of a scalar function of one array. */
export function numericalGradient(f: (x: Float64Array) => number, at: Float64Array): Float64Array {
  const step = 1e-5;
  return at.map((value, index) => {
    const shifted = at.slice();
    shifted[index] = value + step;
    const above = f(shifted);
    shifted[index] = value - step;
    return (above - f(shifted)) / (2 * step);
  });
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Largest difference divided by the largest magnitude of the expected values. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, expected ${expected.length}`);
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < expected.length; i += 1) {
    difference = Math.max(difference, Math.abs((actual[i] as number) - (expected[i] as number)));
    magnitude = Math.max(magnitude, Math.abs(expected[i] as number));
  }
  return Number.isNaN(difference) ? Infinity : difference / (magnitude || 1);
}
