import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { writeJsonAtomic } from '../project/atomicFile.js';

/**
 * Reads a small file of the application's own, such as its settings. A file that is not there gives `fallback`; a damaged one
 * is put aside as `NAME.damaged`, never overwritten, and the application starts all the same.
 */
export async function readOwnFile<T extends z.ZodType>(
  path: string,
  schema: T,
  fallback: z.output<T>,
): Promise<z.output<T>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return fallback;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    await rename(path, `${path}.damaged`);
    return fallback;
  }
}

export async function writeOwnFile(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeJsonAtomic(path, value);
}
