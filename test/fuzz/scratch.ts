import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../removeFolder.js';

/** A folder of a reader's own, removed when it is closed. */
export async function scratchFolder(): Promise<{ folder: string; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'stepadapt-fuzz-'));
  return { folder, close: () => removeFolder(folder) };
}

/** Fails unless what was read is what the input can hold. */
export function ensure(holds: boolean, what: string): void {
  if (!holds) throw new Error(`accepted, but ${what}`);
}
