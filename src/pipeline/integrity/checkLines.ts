import { z } from 'zod';
import { parseMemoryEntry } from '../../method/proxyMemory.js';
import { readLines } from '../../project/lineFile.js';
import type { Fix } from './finding.js';

const stepSchema = z.looseObject({ step: z.number().int() });
const objectSchema = z.looseObject({});

/** How a whole line of each of a stage's line files is read; throws for one that is not what it should be. */
const READERS: Readonly<Record<string, (line: string, index: number) => unknown>> = {
  'metrics.jsonl': (line) => stepSchema.parse(JSON.parse(line)),
  'clock.jsonl': (line) => stepSchema.parse(JSON.parse(line)),
  'memory.jsonl': parseMemoryEntry,
  'transcript.jsonl': (line) => objectSchema.parse(JSON.parse(line)),
};

export const LINE_FILES = Object.keys(READERS);

/** What is wrong with a file of lines; null when nothing is, or there is no such file. */
export async function checkLines(
  path: string,
  name: string,
): Promise<{ kind: 'damage' | 'leftover'; problem: string; fix: Fix } | null> {
  const { lines, isTorn } = await readLines(path);
  const read = READERS[name];
  const isGood = (line: string, index: number) => {
    try {
      read(line, index);
      return true;
    } catch {
      return false;
    }
  };
  const bad = lines.findIndex((line, index) => !isGood(line, index));
  if (bad >= 0) {
    // Rounds of a search build on each other; of other lines each stands for itself.
    const kept = name === 'memory.jsonl' ? lines.slice(0, bad) : lines.filter(isGood);
    const problem = `line ${bad + 1} of ${lines.length} is not readable`;
    return { kind: 'damage', problem, fix: { kind: 'keep-lines', lines: kept } };
  }
  return isTorn ? { kind: 'leftover', problem: 'its last line is torn', fix: { kind: 'cut' } } : null;
}
