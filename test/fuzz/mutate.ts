import type { Random } from './random.js';

/** Sizes, counts and offsets that readers stumble over. */
const NUMBERS = [
  0, 1, 2, 7, 8, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
];
const HUGE = [2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n];

type Change = (bytes: Buffer, random: Random, others: readonly Buffer[], words: readonly string[]) => Buffer;

function replaced(bytes: Buffer, at: number, removed: number, added: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
}

function overwritten(bytes: Buffer, at: number, value: Uint8Array): Buffer {
  const result = Buffer.from(bytes);
  result.set(value.subarray(0, Math.max(0, bytes.length - at)), at);
  return result;
}

function numberField(random: Random): Buffer {
  const field = Buffer.alloc(8);
  const value = random.pick(NUMBERS);
  switch (random.below(6)) {
    case 0:
      return field.subarray(0, field.writeUInt8(value & 0xff));
    case 1:
      return field.subarray(0, field.writeUInt16LE(value & 0xffff));
    case 2:
      return field.subarray(0, field.writeUInt32LE(value));
    case 3:
      return field.subarray(0, field.writeUInt32BE(value));
    case 4:
      return field.subarray(0, field.writeUInt16BE(value & 0xffff));
    default:
      return field.subarray(0, field.writeBigUInt64LE(random.pick(HUGE)));
  }
}

const CHANGES: readonly Change[] = [
  // A bit, a byte.
  (bytes, random) => {
    const at = random.below(bytes.length);
    return overwritten(bytes, at, Buffer.of((bytes[at] ?? 0) ^ (1 << random.below(8))));
  },
  (bytes, random) => overwritten(bytes, random.below(bytes.length), random.bytes(1 + random.below(4))),
  // A length, a count, an offset; mostly near the beginning or the end, where headers and directories are.
  (bytes, random) => overwritten(bytes, random.below(Math.min(bytes.length, 128)), numberField(random)),
  (bytes, random) => overwritten(bytes, Math.max(0, bytes.length - 1 - random.below(256)), numberField(random)),
  (bytes, random) => overwritten(bytes, random.below(bytes.length), numberField(random)),
  // Cut, removed, repeated, moved in from another file.
  (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  (bytes, random) => replaced(bytes, random.below(bytes.length), 1 + random.below(32), Buffer.alloc(0)),
  (bytes, random) => {
    const from = random.below(bytes.length);
    const piece = bytes.subarray(from, from + 1 + random.below(64));
    return replaced(
      bytes,
      random.below(bytes.length),
      0,
      Buffer.concat(Array<Buffer>(1 + random.below(20)).fill(piece)),
    );
  },
  (bytes, random, others) => {
    const other = random.pick(others);
    const from = random.below(other.length);
    return replaced(
      bytes,
      random.below(bytes.length),
      random.below(64),
      other.subarray(from, from + random.below(256)),
    );
  },
  // A word that the format, or JavaScript, gives a meaning.
  (bytes, random, _others, words) =>
    words.length === 0
      ? replaced(bytes, random.below(bytes.length), 0, random.bytes(8))
      : replaced(bytes, random.below(bytes.length), random.below(8), Buffer.from(random.pick(words), 'latin1')),
];

/** One to four changes to a seed; now and then noise alone. */
export function mutateBytes(random: Random, seeds: readonly Buffer[], words: readonly string[] = []): Buffer {
  if (random.below(64) === 0) return random.bytes(random.below(200));
  let bytes = random.pick(seeds);
  for (let left = 1 + random.below(4); left > 0; left--) bytes = random.pick(CHANGES)(bytes, random, seeds, words);
  return bytes;
}

const deep = (depth: number): unknown => {
  let value: unknown = 0;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
};

/** Values in place of others. Own properties of these names are what merging code trips over. */
const VALUES: readonly ((random: Random) => unknown)[] = [
  () => null,
  () => true,
  (random) => random.pick([0, -1, 1, 0.5, 1e9, 1e308, -1e308, 2 ** 31, 2 ** 53, 5e-324, 50, 100, 10_000]),
  (random) => random.below(1000),
  (random) =>
    random.pick([
      '',
      'x',
      '__proto__',
      '../../../../etc/passwd',
      '/dev/zero',
      'a\0b',
      'C:\\con',
      '\u202e\u001b[2J',
      '<script>',
      '=1+1',
    ]),
  (random) => 'x'.repeat(random.below(5000)),
  () => [],
  () => ({}),
  (random) => deep(random.below(100)),
  (random) => Array.from({ length: random.below(300) }, () => random.below(10)),
  () => JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as unknown,
  () => ({ length: 1e9, then: 1, toString: 1, valueOf: null }),
];
const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'polluted', '', '0', '-1', '../x', 'then'];

/** A copy of a JSON value with one to three places in it changed: another value, a key more or less, an item more or less. */
export function mutateJson(random: Random, seed: unknown): unknown {
  let value = seed;
  for (let left = 1 + random.below(3); left > 0; left--) value = changedJson(random, value);
  return value;
}

function changedJson(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.below(12) === 0) return random.pick(VALUES)(random);
  const entries: [string, unknown][] = Object.entries(value);
  const at = random.below(entries.length);
  const choice = random.below(10);
  if (choice === 0) entries.splice(at, 1);
  else if (choice === 1) entries.splice(at, 0, [random.pick(KEYS), random.pick(VALUES)(random)]);
  else if (choice === 2 && entries.length > 0) entries.push(entries[at]);
  else if (entries.length > 0) entries[at] = [entries[at][0], changedJson(random, entries[at][1])];
  if (Array.isArray(value)) return entries.map(([, item]) => item);
  const result = {};
  for (const [key, item] of entries) {
    Object.defineProperty(result, key, { value: item, enumerable: true, configurable: true, writable: true });
  }
  return result;
}
