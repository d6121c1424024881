import { z } from 'zod';
import { failure } from '../contract/errors.js';
import { appendLines, cutTornLine, readLines } from '../project/lineFile.js';

const entrySchema = z.strictObject({
  /** 0-based round of the search. */
  round: z.number().int().min(0),
  /** Every prunable width, as it was scored. */
  widths: z.record(z.string(), z.number().int().min(1)),
  macs: z.number().min(0),
  /** Group loss of the candidate, lower is better; null when it was not finite. */
  score: z.number().nullable(),
  /** Seed of the search. */
  seed: z.number().int().min(0),
  /** Duration of the scoring. */
  seconds: z.number().min(0),
  /** The proposer's note. */
  reason: z.string(),
  /** What projection changed in the proposal. */
  repairs: z.array(z.string()),
});

/** One round of the search, as remembered. */
export type MemoryEntry = z.output<typeof entrySchema>;

/** The search's memory: every scored candidate, in order, on disk before the next is proposed. */
export interface ProxyMemory {
  readonly entries: readonly MemoryEntry[];
  /** Returns when the entry is durable. */
  append(entry: MemoryEntry): Promise<void>;
}

/**
 * Opens or starts a memory: one JSON object a line, append-only. A last line without its line end, as a crash in the middle
 * of writing leaves it, is cut off.
 *
 * @throws MEMORY_DAMAGED for any other line that is not an entry
 */
export async function openProxyMemory(path: string): Promise<ProxyMemory> {
  const { lines, isTorn } = await readLines(path);
  const entries = lines.map((line, index) => parseEntry(line, index, path));
  if (isTorn) await cutTornLine(path);
  return {
    entries,
    async append(entry) {
      await appendLines(path, [JSON.stringify(entry)]);
      entries.push(entry);
    },
  };
}

function parseEntry(line: string, index: number, path: string): MemoryEntry {
  try {
    return parseMemoryEntry(line, index);
  } catch (cause) {
    throw failure(
      'MEMORY_DAMAGED',
      `line ${index + 1} of the search memory ${path} is not a round of the search`,
      'run `stepadapt repair` on the project to keep the rounds before it, or delete that file to start the search again',
      { cause },
    );
  }
}

/** One line of a memory. @throws Error when it is not the entry of round `index` */
export function parseMemoryEntry(line: string, index: number): MemoryEntry {
  const entry = entrySchema.parse(JSON.parse(line));
  if (entry.round !== index) throw new Error(`round ${entry.round} where ${index} was expected`);
  return entry;
}
