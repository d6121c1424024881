import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzzReader.js';
import { openReaders, READER_NAMES } from './readers.js';

/** Few inputs of every reader; `node test/fuzz/run.mjs` gives each many more, and measures time and memory. */
const INPUTS = 100;
/** Pictures take milliseconds each. */
const SLOW_INPUTS = 15;
const SLOW = new Set(['images', 'report']);

/** Inputs that once brought a reader down; each is made again from its index. */
const KNOWN: Readonly<Record<string, readonly number[]>> = {
  checkpoint: [15, 147, 242, 293],
  commands: [30715],
  sweep: [34630, 87503],
};

describe('broken and hostile inputs', () => {
  it.each(READER_NAMES)('%s: each is read or refused with a code', async (name) => {
    const [reader] = await openReaders([name]);
    try {
      const count = SLOW.has(name) ? SLOW_INPUTS : INPUTS;
      expect((await fuzz(reader, { count, seed: 1 })).failures).toEqual([]);
      for (const from of KNOWN[name] ?? []) {
        expect((await fuzz(reader, { count: 1, seed: 1, from })).failures).toEqual([]);
      }
    } finally {
      await reader.close?.();
    }
  });
});
