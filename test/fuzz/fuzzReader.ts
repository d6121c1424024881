import { describeError, StepAdaptError } from '../../src/contract/errors.js';
import { Random } from './random.js';

/** One reader of what strangers made. */
export interface FuzzReader<T = unknown> {
  readonly name: string;
  /** Makes an input. */
  readonly make: (random: Random) => T;
  /**
   * Reads it, and throws `StepAdaptError` to refuse it. Anything else that is thrown is a defect; so is a result that is not
   * what the input can hold, which `read` says by an `Error`.
   */
  readonly read: (input: T) => unknown;
  readonly close?: () => Promise<void>;
}

export interface FuzzResult {
  readonly reader: string;
  readonly inputs: number;
  readonly refused: number;
  readonly accepted: number;
  /** Of the reader alone, processor time of the whole process, milliseconds. */
  readonly slowestMs: number;
  readonly slowestIndex: number;
  readonly failures: readonly { readonly index: number; readonly problem: string }[];
}

const MOST_FAILURES = 10;
const PROTOTYPE_KEYS = new Set(Reflect.ownKeys(Object.prototype));

/** What reading one input came to: null when it was accepted, the error's code when it was refused. */
export async function readOne<T>(reader: FuzzReader<T>, input: T): Promise<{ code: string | null; ms: number }> {
  const before = process.cpuUsage();
  let code: string | null = null;
  try {
    await reader.read(input);
  } catch (error) {
    if (!(error instanceof StepAdaptError)) throw error;
    if (describeError(error).message.length > 4000)
      throw new Error('an error of thousands of characters', { cause: error });
    code = error.code;
  }
  const { user, system } = process.cpuUsage(before);
  const added = Reflect.ownKeys(Object.prototype).filter((key) => !PROTOTYPE_KEYS.has(key));
  if (added.length > 0) {
    for (const key of added) Reflect.deleteProperty(Object.prototype, key);
    throw new Error(`Object.prototype was given ${added.map(String).join(', ')}`);
  }
  return { code, ms: (user + system) / 1000 };
}

/** Reads inputs `from` to `from + count - 1` of a seed. `onInput` hears of each before it is read. */
export async function fuzz<T>(
  reader: FuzzReader<T>,
  options: {
    readonly count: number;
    readonly seed: number;
    readonly from?: number;
    readonly onInput?: (index: number) => Promise<void>;
  },
): Promise<FuzzResult> {
  const { count, seed, from = 0, onInput } = options;
  let refused = 0;
  let accepted = 0;
  let slowest = { ms: 0, index: from };
  const failures: { index: number; problem: string }[] = [];
  for (let index = from; index < from + count && failures.length < MOST_FAILURES; index++) {
    await onInput?.(index);
    const input = reader.make(Random.of(reader.name, seed, index));
    try {
      const { code, ms } = await readOne(reader, input);
      if (code === null) accepted++;
      else refused++;
      if (ms > slowest.ms) slowest = { ms, index };
    } catch (error) {
      failures.push({ index, problem: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
  return {
    reader: reader.name,
    inputs: refused + accepted + failures.length,
    refused,
    accepted,
    slowestMs: slowest.ms,
    slowestIndex: slowest.index,
    failures,
  };
}
