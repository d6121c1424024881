import { readFile, stat } from 'node:fs/promises';
import { inputError } from '../contract/errors.js';

/** Node reads no larger file in one piece everywhere. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

const DEFAULT_HINT = 'check the path';

/** How the errors of a reader are called, where its users know them by other names. */
export interface InputFileOptions {
  readonly maxBytes?: number;
  /** Code of the error for a file that is not there. */
  readonly missing?: string;
  /** What to do about a missing file. */
  readonly hint?: string;
}

/**
 * Reads a file that a person, or a file of a stranger, named. Folders, pipes and devices (which may never end) and files that
 * are too large are refused before a byte is read.
 *
 * @throws input errors FILE_NOT_FOUND (or `missing`), FILE_NOT_REGULAR, FILE_TOO_LARGE, FILE_NOT_READABLE
 */
export async function readInputFile(path: string, options: InputFileOptions = {}): Promise<Buffer> {
  await checkInputFile(path, options);
  return readFile(path).catch((cause: NodeJS.ErrnoException) => refuse(path, options, cause));
}

/** The refusals of `readInputFile` alone, for a file that is read piece by piece. */
export async function checkInputFile(path: string, options: InputFileOptions = {}): Promise<void> {
  const { maxBytes = MAX_FILE_BYTES, hint = DEFAULT_HINT } = options;
  const status = await stat(path).catch((cause: NodeJS.ErrnoException) => refuse(path, options, cause));
  if (!status.isFile()) throw inputError('FILE_NOT_REGULAR', `${path} is not a file`, hint);
  if (status.size > maxBytes) {
    throw inputError(
      'FILE_TOO_LARGE',
      `${path} has ${status.size} bytes; no more than ${maxBytes} are read of such a file`,
      'check which file this is',
    );
  }
}

function refuse(path: string, options: InputFileOptions, cause: NodeJS.ErrnoException): never {
  const { missing = 'FILE_NOT_FOUND', hint = DEFAULT_HINT } = options;
  const isMissing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR';
  if (isMissing) throw inputError(missing, `${path} does not exist`, hint, { cause });
  throw inputError('FILE_NOT_READABLE', `${path} cannot be read (${cause.code ?? cause.message})`, hint, { cause });
}
