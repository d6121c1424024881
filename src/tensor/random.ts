import { fillPhilox, type PhiloxCounter, type PhiloxKey } from './philox.js';

/**
 * Random numbers as a pure function of their position: no generator is carried along, so resuming a run, sharding it or
 * changing its batch size cannot change a single number. They are made on the host and thus are the same on every engine.
 *
 * One key serves one purpose: two calls with the same key see the same bits. Except for permutations, the first n numbers
 * of a key are the same whatever count is asked for.
 */
export interface RandomKey {
  /** Of the whole experiment. Integer in [0, 2^53). */
  readonly seed: number;
  /** What the numbers are for, such as `train/noise`. */
  readonly stream: string;
  /** Position within the stream: an update, an image. Integer in [0, 2^53). */
  readonly index: number;
}

/** Standard normal numbers (Box-Muller in float64, rounded to float32). The largest possible magnitude is 6.7. */
export function randomNormal(key: RandomKey, count: number): Float32Array {
  const words = randomWords(key, count);
  const normals = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    // Half a step is added so that the logarithm never sees zero.
    const radius = Math.sqrt(-2 * Math.log(((words[i] as number) + 0.5) * 2 ** -32));
    const angle = (words[i + 1] as number) * (2 ** -31 * Math.PI);
    normals[i] = radius * Math.cos(angle);
    // Beyond an odd count this writes past the end, which typed arrays ignore.
    normals[i + 1] = radius * Math.sin(angle);
  }
  return normals;
}

/** Uniform numbers in [0, 1), multiples of 2^-24. */
export function randomUniform(key: RandomKey, count: number): Float32Array {
  const words = randomWords(key, count);
  const uniforms = new Float32Array(count);
  for (let i = 0; i < count; i += 1) uniforms[i] = ((words[i] as number) >>> 8) * 2 ** -24;
  return uniforms;
}

/**
 * Integers in [low, high), every one equally likely.
 *
 * @throws RangeError when the interval is empty or does not fit signed 32 bits
 */
export function randomIntegers(key: RandomKey, count: number, low: number, high: number): Int32Array {
  if (!(isInt32(low) && isInt32(high - 1) && low < high)) throw new RangeError(`no integers in [${low}, ${high})`);
  const below = unbiasedDraw(key);
  const integers = new Int32Array(count);
  for (let i = 0; i < count; i += 1) integers[i] = low + below(high - low);
  return integers;
}

/** The numbers 0 to count − 1 in random order (Fisher-Yates), every order equally likely. */
export function randomPermutation(key: RandomKey, count: number): Int32Array {
  const below = unbiasedDraw(key);
  const order = Int32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const chosen = below(last + 1);
    const value = order[last] as number;
    order[last] = order[chosen] as number;
    order[chosen] = value;
  }
  return order;
}

/** Where a key's sequence begins, for generators outside this file. */
export function philoxStart(key: RandomKey): { key: PhiloxKey; counter: PhiloxCounter } {
  return { key: philoxKey(key), counter: philoxCounter(key, 0) };
}

/** At least `count` words from the start of the key's sequence. */
function randomWords(key: RandomKey, count: number): Uint32Array {
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`cannot draw ${count} random numbers`);
  const words = new Uint32Array(Math.ceil(count / 4) * 4);
  fillPhilox(words, philoxKey(key), philoxCounter(key, 0));
  return words;
}

/** Returns a function that draws the key's next integer in [0, range). Words that would favour small results are skipped. */
function unbiasedDraw(key: RandomKey): (range: number) => number {
  const words = new Uint32Array(256);
  let drawn = 0;
  return (range) => {
    const limit = 2 ** 32 - (2 ** 32 % range);
    for (;;) {
      const position = drawn % words.length;
      if (position === 0) fillPhilox(words, philoxKey(key), philoxCounter(key, drawn / 4));
      drawn += 1;
      const word = words[position] as number;
      if (word < limit) return word % range;
    }
  };
}

function philoxKey({ seed, stream }: RandomKey): PhiloxKey {
  return [seed >>> 0, hash(stream)];
}

function philoxCounter({ seed, index }: RandomKey, block: number): PhiloxCounter {
  for (const value of [seed, index]) {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a seed or index`);
  }
  return [block, Math.floor(seed / 2 ** 32), index >>> 0, Math.floor(index / 2 ** 32)];
}

/** FNV-1a, 32 bits, over UTF-16 code units. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return state >>> 0;
}

function isInt32(value: number): boolean {
  return value === (value | 0);
}
