import { number } from './format.js';

export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** Longer lists and hashes are shortened for reading; the report has them whole. */
const LONGEST_LIST = 6;
const HASH = /^[0-9a-f]{40,}$/;

/** A nested record as names and values that people read, `sampler.steps` as "sampler steps". */
export function flattenFacts(record: Readonly<Record<string, unknown>>, prefix = ''): Fact[] {
  return Object.entries(record).flatMap(([key, value]) => {
    const word = key.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
    const name = prefix === '' ? word : `${prefix} ${word}`;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? flattenFacts(value as Record<string, unknown>, name)
      : [{ name, value: factText(value) }];
  });
}

function factText(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (Array.isArray(value)) {
    return value.length > LONGEST_LIST
      ? `${value.length} values, ${String(value[0])} to ${String(value.at(-1))}`
      : value.map(String).join(', ');
  }
  if (typeof value === 'number') return number(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  const text = String(value);
  return HASH.test(text) ? `${text.slice(0, 12)}…` : text;
}
