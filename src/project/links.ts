import { readdir, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { inputError } from '../contract/errors.js';

/** Whether `path` is `folder` or lies in it, compared part by part. Both absolute. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/**
 * Refuses a folder with links that lead out of it, or nowhere. A project that somebody else made could otherwise have its
 * `metrics.jsonl` be a link to any file of the person who runs it. Links within the folder are followed as usual.
 *
 * @throws input error `LINK_OUTSIDE`, before anything is written
 */
export async function refuseOutsideLinks(folder: string): Promise<void> {
  const root = await realpath(folder);
  const waiting = [root];
  for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
    for (const entry of await readdir(current, { withFileTypes: true })) {
      const path = join(current, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      if (!entry.isSymbolicLink()) continue;
      const target = await realpath(path).catch(() => null);
      if (target !== null && isInside(root, target)) continue;
      throw inputError(
        'LINK_OUTSIDE',
        `${path} is a link that leads ${target === null ? 'nowhere' : 'out of the project'}`,
        'put a copy in its place, or remove the link if you did not make it',
      );
    }
  }
}
