import { statfs } from 'node:fs/promises';
import { failure } from '../contract/errors.js';

/** Free bytes of the disk that a folder lies on; null where that cannot be told. */
export async function freeBytes(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}

/**
 * Refuses to begin what the disk has no room for.
 * @param what in words, such as `a checkpoint`
 * @throws failure `DISK_FULL` naming both sizes
 */
export async function requireSpace(folder: string, bytes: number, what: string): Promise<void> {
  const free = await freeBytes(folder);
  if (free === null || free >= bytes) return;
  throw failure(
    'DISK_FULL',
    `${what} needs ${megabytes(bytes)} and the disk of ${folder} has ${megabytes(free)} free`,
    'free some space and run the same command again: it goes on from the last checkpoint',
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
