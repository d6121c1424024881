import { mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Ending of files that are being written; what a crash leaves of them is swept by the next run. */
export const UNFINISHED = /\.\d+-\d+\.tmp$/;

let writes = 0;
/** The last write of each path: a later one waits for it, so that the content that was asked for last stays. */
const lastWrite = new Map<string, Promise<void>>();

/**
 * Writes a file so that a reader, or a restart after a crash, sees either the old content or the new one: temporary file
 * beside it, fsync, rename, fsync of the folder. An existing file keeps its permissions, a link to it stays a link.
 *
 * Not the package of that purpose: it takes one `write` call for the whole content, and on a disk that is nearly full such a
 * call may write a part and report no error.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  const target = resolve(path);
  const write = (lastWrite.get(target) ?? Promise.resolve()).catch(() => undefined).then(() => replace(target, data));
  lastWrite.set(target, write);
  try {
    await write;
  } finally {
    if (lastWrite.get(target) === write) lastWrite.delete(target);
  }
}

async function replace(path: string, data: Uint8Array | string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const mode = (await stat(target).catch(() => null))?.mode;
  const unfinished = `${target}.${process.pid}-${++writes}.tmp`;
  try {
    const file = await open(unfinished, 'w', mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw error;
  }
  await fsyncFolder(dirname(target));
}

/** Writes a value as indented JSON with a final newline, atomically. */
export async function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Makes a folder and those above it that are missing, durable in the folders that hold them. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  const highest = dirname(resolve(first));
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    await fsyncFolder(folder);
    if (folder === highest) return;
  }
}

/** What file systems answer that know no fsync of a folder; they order such changes themselves. */
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Makes a rename or a new file inside `folder` durable. Windows has no such call and needs none. */
export async function fsyncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!NO_FOLDER_SYNC.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle.close();
  }
}
