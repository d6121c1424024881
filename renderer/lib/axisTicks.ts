/** Where an axis has its labels: few, at round numbers, also on logarithmic axes and where columns are not evenly spaced. */

const FEWEST = 3;
const MOST = 8;

/** Leading digits of labels on a logarithmic axis, from dense to sparse. */
const DIGITS = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]] as const;

/** 1, 2 or 5 times a power of ten, so that about `count` of them fill a range. */
export function niceStep(range: number, count: number): number {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * 0.999) ?? 10;
  return digit * power;
}

/** Multiples of a round step in [min, max]. */
export function linearTicks(min: number, max: number, count = 6): number[] {
  if (!(max > min)) return [min];
  const step = niceStep(max - min, count);
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => cleaned((first + index) * step));
}

/**
 * Labels of a logarithmic axis over [min, max], both above 0: powers of ten, with as many digits between them as there is
 * room for; over less than half a decade round numbers at equal distances.
 */
export function logTicks(min: number, max: number): number[] {
  if (!(min > 0) || !(max > min)) return [];
  let ticks: number[] = [];
  for (const digits of DIGITS) {
    ticks = [];
    for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
      for (const digit of digits) {
        const value = cleaned(digit * 10 ** power);
        if (value >= min * 0.999 && value <= max * 1.001) ticks.push(value);
      }
    }
    if (ticks.length <= MOST) break;
  }
  if (ticks.length < FEWEST) return linearTicks(min, max, 5);
  return ticks.length > MOST ? thinned(ticks) : ticks;
}

/** Indices of ascending `values` that are the first at or after multiples of a round step. */
export function roundIndices(values: readonly number[], count = 6): number[] {
  const last = values.at(-1);
  if (last === undefined || values.length < 2) return values.map((_, index) => index);
  const found = linearTicks(0, last, count).map((tick) => values.findIndex((value) => value >= tick));
  return [...new Set(found)].filter((index) => index >= 0);
}

/** A label: no exponent between a ten-thousandth and a hundred thousand, thousands apart. */
export function tickLabel(value: number): string {
  if (!Number.isFinite(value)) return '';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e6)) {
    return value.toExponential(2).replace(/\.?0*e\+?/, 'e');
  }
  return Number(value.toPrecision(6)).toLocaleString('en', { maximumFractionDigits: 8 });
}

/** Powers of ten over many decades: every second, third, ... one. */
function thinned(ticks: readonly number[]): number[] {
  const every = Math.ceil(ticks.length / MOST);
  return ticks.filter((_, index) => index % every === 0);
}

/** Without the last digits that multiplying leaves: 0.30000000000000004 is 0.3. */
function cleaned(value: number): number {
  return Number(value.toPrecision(12));
}
