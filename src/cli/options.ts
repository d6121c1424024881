import type { z } from 'zod';
import { inputError } from '../contract/errors.js';
import { safeParse } from '../contract/safeParse.js';

/**
 * Reads a number as a person types it: `12`, `-0.5`, `1e-3`. Anything else (empty, `12px`, `0x10`, `Infinity`) is refused.
 * @throws input error `BAD_OPTION`
 */
export function numberOption(name: string): (text: string) => number {
  return (text) => {
    if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) || !Number.isFinite(Number(text))) {
      throw badOption(name, `"${text}" is not a number`);
    }
    return Number(text);
  };
}

/**
 * Reads a whole number of at least `min`.
 * @throws input error `BAD_OPTION`
 */
export function countOption(name: string, min: number): (text: string) => number {
  const read = numberOption(name);
  return (text) => {
    const value = read(text);
    if (!Number.isSafeInteger(value) || value < min)
      throw badOption(name, `"${text}" is not a whole number of at least ${min}`);
    return value;
  };
}

/**
 * Reads numbers parted by commas, spaces or both; for options that take one argument or several.
 * @throws input error `BAD_OPTION`
 */
export function numberListOption(name: string): (text: string, before?: number[]) => number[] {
  const read = numberOption(name);
  return (text, before = []) => [
    ...before,
    ...text
      .split(/[\s,]+/)
      .filter((part) => part !== '')
      .map(read),
  ];
}

/**
 * Checks options against the part of the experiment's schema that they stand for, which also fills in its defaults.
 * @param values fields of the schema; undefined where the option was not given
 * @throws input error `BAD_OPTION`, naming each option and its range
 */
export function optionsOf<T extends z.ZodType>(schema: T, values: Record<string, unknown>): z.output<T> {
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const parsed = safeParse(schema, given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badOption(issue.path.join('.'), issue.message);
}

/** An option that cannot be used as given. `name` is the option's name in camel case. */
export function badOption(name: string, problem: string): Error {
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return inputError('BAD_OPTION', `${flag}: ${problem}`, 'run the command with --help to see what it takes');
}
