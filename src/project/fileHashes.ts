import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { z } from 'zod';
import { UNFINISHED, writeJsonAtomic } from './atomicFile.js';

/** Name of the list of hashes in a folder of results. */
export const HASHES_FILE = 'files.json';

const hashesSchema = z.strictObject({
  format: z.literal('stepadapt-files'),
  version: z.literal(1),
  /** Path below the folder, with `/`, to SHA-256. */
  files: z.record(z.string(), z.string()),
});

/**
 * Writes down the SHA-256 of every file of a finished folder, so that later damage can be found and named.
 * @param isLeftOut tells of paths below the folder, with `/`, that have hashes of their own or may still change
 */
export async function writeFileHashes(
  folder: string,
  isLeftOut: (path: string) => boolean = () => false,
): Promise<void> {
  const files: Record<string, string> = {};
  for (const path of (await filesBelow(folder)).sort()) {
    if (path !== HASHES_FILE && !isLeftOut(path)) files[path] = await hashOf(join(folder, path));
  }
  await writeJsonAtomic(join(folder, HASHES_FILE), { format: 'stepadapt-files', version: 1, files });
}

/** Files that are not what they were: path below the folder, and whether it is missing or changed. */
export interface ChangedFile {
  readonly path: string;
  readonly change: 'missing' | 'changed';
}

/**
 * Compares a folder with its list of hashes.
 * @returns null where there is no list: the folder is unfinished, or an earlier version wrote it
 * @throws Error when the list itself is damaged
 */
export async function changedFiles(folder: string): Promise<{ changed: ChangedFile[]; checked: number } | null> {
  let text: string;
  try {
    text = await readFile(join(folder, HASHES_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const { files } = hashesSchema.parse(JSON.parse(text));
  const changed: ChangedFile[] = [];
  for (const [path, hash] of Object.entries(files)) {
    // The list may have been made by a stranger.
    if (path.split('/').includes('..')) throw new Error(`${path} lies outside of the folder`);
    const found = await hashOf(join(folder, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (found !== hash) changed.push({ path, change: found === null ? 'missing' : 'changed' });
  }
  return { changed, checked: Object.keys(files).length };
}

/** Every file below a folder, as paths with `/`; unfinished ones and hidden folders are left out. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && !UNFINISHED.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !path.split('/').some((name) => name.startsWith('.')));
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
