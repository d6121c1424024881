import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { inputError } from '../contract/errors.js';

/**
 * Makes sure, before anything is computed, that a file can get this path.
 * @throws input error `FOLDER_NOT_FOUND`
 */
export async function requireFolderOf(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const isFolder = (await stat(folder).catch(() => null))?.isDirectory() === true;
  if (!isFolder)
    throw inputError('FOLDER_NOT_FOUND', `${folder} is no folder`, 'make it first, or choose another path');
}

/**
 * The same for statistics, which somebody's numbers may rest on: they never take another file's place.
 * @throws input errors `FOLDER_NOT_FOUND` and `STATISTICS_EXIST`
 */
export async function requireNewStatistics(path: string): Promise<void> {
  await requireFolderOf(path);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) {
    throw inputError('STATISTICS_EXIST', `${path} exists already`, 'statistics never overwrite a file; choose another');
  }
}
