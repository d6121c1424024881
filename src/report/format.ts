/** Numbers as people read them. English decimal point everywhere, since reports travel. */

/** Keeps a number and its unit on one line. */
const NARROW_SPACE = '\u202f';
const SI_PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z'];

/** `1234567` as `1.23 M`; three significant digits. */
export function formatSi(value: number): string {
  let scaled = value;
  let prefix = 0;
  while (Math.abs(scaled) >= 999.5 && prefix < SI_PREFIXES.length - 1) {
    scaled /= 1000;
    prefix += 1;
  }
  const digits = prefix === 0 && Number.isInteger(scaled) ? String(scaled) : formatSignificant(scaled);
  return prefix === 0 ? digits : `${digits}${NARROW_SPACE}${SI_PREFIXES[prefix]}`;
}

/** Three significant digits without an exponent where that is short, with one elsewhere. */
export function formatSignificant(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(3)))));
  if (magnitude < -4 || magnitude > 6) return minus(value.toExponential(2));
  return minus(value.toFixed(Math.max(0, 2 - magnitude)));
}

/** A ratio as a percentage with one decimal. */
export function formatPercent(ratio: number): string {
  return `${minus((ratio * 100).toFixed(1))}${NARROW_SPACE}%`;
}

/** A metric's value: two decimals, as tables of FID have them, and four below 1. */
export function formatDistance(value: number): string {
  return minus(value.toFixed(Math.abs(value) < 1 ? 4 : 2));
}

/** Kernel distances are small: shown in thousandths. */
export function formatThousandths(value: number): string {
  return minus((value * 1000).toFixed(2));
}

export function formatDecibels(value: number): string {
  return minus(value.toFixed(1));
}

/** Seconds in the unit a person would use. */
export function formatDuration(seconds: number): string {
  if (seconds < 0.001) return `${formatSignificant(seconds * 1e6)}${NARROW_SPACE}µs`;
  if (seconds < 1) return `${formatSignificant(seconds * 1000)}${NARROW_SPACE}ms`;
  if (seconds < 120) return `${seconds.toFixed(1)}${NARROW_SPACE}s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(1)}${NARROW_SPACE}min`;
  return `${(seconds / 3600).toFixed(1)}${NARROW_SPACE}h`;
}

/** Whole numbers with thin separators, as in 35 746 307. */
export function formatCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

/** A value on an axis: as short as it is. */
export function formatTick(value: number): string {
  return Number.isInteger(value) && Math.abs(value) >= 10_000 ? formatCount(value) : minus(String(value));
}

/** Sample standard deviation (n - 1); null for a single value. */
export function standardDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

/** A true minus sign, which has the width of a digit. */
function minus(text: string): string {
  return text.replace(/-/g, '\u2212');
}
