import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFile from 'write-file-atomic';

/**
 * Writes a file so that a reader, or a restart after a crash, sees either the old content or the new one: temporary file
 * beside it, fsync, rename, fsync of the folder.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  await writeFile(path, typeof data === 'string' ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  await fsyncFolder(dirname(path));
}

/** Writes a value as indented JSON with a final newline, atomically. */
export async function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Makes a rename or a new file inside `folder` durable. Windows has no such call and needs none. */
export async function fsyncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
