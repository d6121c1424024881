/** Numbers in words that people read: short, with units, the same everywhere. */

const SI = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const;

/** `1.23 M`; three significant digits. */
export function si(value: number): string {
  if (!Number.isFinite(value)) return 'not finite';
  const magnitude = Math.abs(value);
  const power = magnitude < 1000 ? 0 : Math.min(SI.length - 1, Math.floor(Math.log10(magnitude) / 3));
  const scaled = value / 1000 ** power;
  const text = Number(scaled.toPrecision(3)).toString();
  return power === 0 ? text : `${text} ${SI[power]}`;
}

/** `1.5 GiB` */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let power = 0;
  let scaled = value;
  while (scaled >= 1024 && power < units.length - 1) {
    scaled /= 1024;
    power += 1;
  }
  return `${scaled >= 100 || power === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${units[power]}`;
}

/** `under a second`, `42 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'unknown';
  if (seconds < 1) return 'under a second';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** How long something may take, no finer than it is known: `about 6 min`, `40 s to 2 min`, `1 h 10 min to 3 h`. */
export function durationRange(low: number, high: number): string {
  const [from, to] = [rough(low), rough(high)];
  return from === to || high < 1.15 * low ? `about ${rough((low + high) / 2)}` : `${from} to ${to}`;
}

/** Seconds by fives, minutes, and hours by ten minutes. */
function rough(seconds: number): string {
  if (seconds < 57.5) return `${Math.max(5, 5 * Math.round(seconds / 5))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes >= 1440) return duration(seconds);
  const tens = 10 * Math.round(minutes / 10);
  return `${Math.floor(tens / 60)} h${tens % 60 === 0 ? '' : ` ${tens % 60} min`}`;
}

/** For axes: `45 s`, `3:20`, `2:05:00`. */
export function shortDuration(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${pad(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`;
}

/** The time of day here, `14:05:09`. */
export function clockTime(milliseconds: number): string {
  return new Date(milliseconds).toLocaleTimeString('en-GB');
}

const pad = (value: number): string => String(value).padStart(2, '0');

/** `81.3 %` */
export function percent(ratio: number, digits = 1): string {
  return `${(100 * ratio).toFixed(digits)} %`;
}

/** Four significant digits, exponent only where it helps. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (!Number.isFinite(value)) return 'not finite';
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e6 || magnitude < 1e-3) return value.toExponential(2);
  if (Number.isInteger(value)) return value.toString();
  return Number(value.toPrecision(4)).toString();
}

/** Four significant digits, always: values of one column end alike. `11.50` */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (!Number.isFinite(value)) return 'not finite';
  const magnitude = Math.abs(value);
  if (value === 0 || (magnitude >= 1e-3 && magnitude < 1e4)) return value.toPrecision(4);
  return number(value);
}

/** With a capital letter at the beginning. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What happened, and what to do next, as two sentences. */
export function inWords({ message, hint }: { readonly message: string; readonly hint: string }): string {
  const ended = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);
  return `${ended(message)} ${ended(capitalised(hint))}`;
}

/** `2 hours ago`; the instant itself belongs in a title beside it. */
export function ago(iso: string, now: number = Date.now()): string {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
  const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return relative.format(-Math.round(seconds / 60), 'minute');
  if (seconds < 86_400) return relative.format(-Math.round(seconds / 3600), 'hour');
  return relative.format(-Math.round(seconds / 86_400), 'day');
}

/** The kind of a compared model; anything unknown is shown as a base. */
export function modelOf(model: string): 'base' | 'uniform' | 'adaptive' {
  return model === 'uniform' || model === 'adaptive' ? model : 'base';
}
