import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StepAdaptError } from '../contract/errors.js';
import { readInputFile } from '../formats/inputFile.js';
import { fsyncFolder } from './atomicFile.js';

/**
 * Files of one record a line that only grow: metrics, the memory of a search, transcripts. A crash while a line is written
 * leaves it without its line end; such a line never counts.
 */

/** More than the longest training or search writes. */
const MAX_BYTES = 2 ** 28;

/** The whole lines of a file; none where there is no file. `isTorn` says whether something without a line end follows them. */
export async function readLines(path: string): Promise<{ lines: string[]; isTorn: boolean }> {
  const { whole, size } = await readWhole(path);
  return { lines: whole.toString('utf8').split('\n').slice(0, -1), isTorn: whole.length < size };
}

/** Cuts off a torn last line, so that the next one begins where it should. */
export async function cutTornLine(path: string): Promise<void> {
  const { whole, size } = await readWhole(path);
  if (whole.length === size) return;
  const file = await open(path, 'r+');
  try {
    await file.truncate(whole.length);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Appends lines. The folder must exist.
 * @param isDurable whether the lines outlast a loss of power when this returns; else they do after `syncFile`
 */
export async function appendLines(path: string, lines: readonly string[], isDurable = true): Promise<void> {
  const file = await open(path, 'a');
  let isNew: boolean;
  try {
    isNew = (await file.stat()).size === 0;
    await file.writeFile(lines.map((line) => `${line}\n`).join(''));
    if (isDurable) await file.sync();
  } finally {
    await file.close();
  }
  if (isNew) await fsyncFolder(dirname(path));
}

/** Makes what was written to a file durable. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readWhole(path: string): Promise<{ whole: Buffer; size: number }> {
  try {
    const content = await readInputFile(path, { maxBytes: MAX_BYTES });
    return { whole: content.subarray(0, content.lastIndexOf(0x0a) + 1), size: content.length };
  } catch (error) {
    if (error instanceof StepAdaptError && error.code === 'FILE_NOT_FOUND') return { whole: Buffer.alloc(0), size: 0 };
    throw error;
  }
}
