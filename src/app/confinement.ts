import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { ExperimentConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import { isInside } from '../project/links.js';

/** Where projects and data may lie; null = anywhere the person who runs the program may write. */
export type Roots = readonly string[] | null;

/**
 * The real path of something, checked against the roots after every link is followed. What does not exist yet is judged by
 * its nearest folder that does. Relative paths start at the first root.
 * @throws `PATH_OUTSIDE_ROOTS`
 */
export async function confinePath(path: string, roots: Roots): Promise<string> {
  const absolute = resolve(roots?.[0] ?? '.', path);
  const real = await realPathOf(absolute);
  if (roots === null) return real;
  const realRoots = await Promise.all(roots.map(realPathOf));
  if (!realRoots.some((root) => isInside(root, real))) {
    throw inputError(
      'PATH_OUTSIDE_ROOTS',
      `${path} lies outside the folders that this host may use`,
      'start the host with --root for that folder, or choose another place',
    );
  }
  return real;
}

/**
 * Refuses a config that would make a confined host read files from elsewhere.
 * @throws `PATH_OUTSIDE_ROOTS`
 */
export async function confineConfig(config: ExperimentConfig, roots: Roots): Promise<void> {
  if (roots === null) return;
  for (const path of [config.data.path, config.pruning.proposerTranscript, config.evaluation.inceptionWeights]) {
    if (typeof path === 'string') await confinePath(path, roots);
  }
}

async function realPathOf(absolute: string): Promise<string> {
  try {
    return await realpath(absolute);
  } catch (error) {
    const parent = dirname(absolute);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === absolute) throw error;
    return join(await realPathOf(parent), basename(absolute));
  }
}
