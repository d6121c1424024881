import type { z } from 'zod';
import { failure, StepAdaptError } from '../contract/errors.js';
import { readInputFile } from '../formats/inputFile.js';
import { parseJson } from '../formats/json.js';

/** More than any result holds. */
const MAX_RESULT_BYTES = 2 ** 28;

/**
 * Reads a JSON file that a stage left in a project, or that somebody put there.
 * @returns its content, checked; null when it is not there
 * @throws failure `RESULT_DAMAGED`, naming the file
 */
export async function readResultFile<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T> | null> {
  try {
    const text = (await readInputFile(path, { maxBytes: MAX_RESULT_BYTES })).toString('utf8');
    return schema.parse(parseJson(text));
  } catch (cause) {
    if (cause instanceof StepAdaptError && cause.code === 'FILE_NOT_FOUND') return null;
    throw damaged(path, cause);
  }
}

/**
 * The same for a file that a finished stage must have.
 * @throws failure `RESULT_DAMAGED`
 */
export async function requireResultFile<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T>> {
  const result = await readResultFile(path, schema);
  if (result === null) throw damaged(path, null);
  return result;
}

/** The error of a result that cannot be used. */
export function damaged(path: string, cause: unknown): StepAdaptError {
  return failure(
    'RESULT_DAMAGED',
    `${path} is missing or damaged`,
    'restore it from a copy, or remove the folder of its stage and run again',
    { cause },
  );
}
