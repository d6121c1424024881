import { readFile, stat } from 'node:fs/promises';
import { inputError } from '../contract/errors.js';

/** Node reads no larger file in one piece everywhere. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

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
  const { maxBytes = MAX_FILE_BYTES, missing = 'FILE_NOT_FOUND', hint = 'check the path' } = options;
  const refuse = (cause: NodeJS.ErrnoException) => {
    const isMissing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR';
    if (isMissing) throw inputError(missing, `${path} does not exist`, hint, { cause });
    throw inputError('FILE_NOT_READABLE', `${path} cannot be read (${cause.code ?? cause.message})`, hint, { cause });
  };
  const status = await stat(path).catch(refuse);
  if (!status.isFile()) throw inputError('FILE_NOT_REGULAR', `${path} is not a file`, hint);
  if (status.size > maxBytes) {
    throw inputError(
      'FILE_TOO_LARGE',
      `${path} has ${status.size} bytes; no more than ${maxBytes} are read of such a file`,
      'check which file this is',
    );
  }
  return readFile(path).catch(refuse);
}
