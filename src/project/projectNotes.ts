import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { notesSchema, type Notes } from '../contract/notes.js';
import { writeJsonAtomic } from './atomicFile.js';

const FILE = 'notes.json';
const NONE: Notes = { text: '', tags: [], colour: null };
const fileSchema = z.object({ format: z.literal('stepadapt-notes'), version: z.literal(1), notes: notesSchema });

/** Notes of a project; empty where there are none, or where they cannot be read: nothing depends on them. */
export async function readNotes(projectFolder: string): Promise<Notes> {
  return (await readFileOf(projectFolder)) ?? NONE;
}

/** Writes the notes of a project. A file that cannot be read, of a newer version perhaps, is put aside as `notes.json.aside`. */
export async function writeNotes(projectFolder: string, notes: Notes): Promise<void> {
  const path = join(projectFolder, FILE);
  if ((await readFileOf(projectFolder)) === null) await rename(path, `${path}.aside`).catch(ignoreMissing);
  await writeJsonAtomic(path, { format: 'stepadapt-notes', version: 1, notes });
}

/** Null where there is no file that can be read. */
async function readFileOf(projectFolder: string): Promise<Notes | null> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(join(projectFolder, FILE), 'utf8'))).notes;
  } catch {
    return null;
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
