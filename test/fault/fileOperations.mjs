import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';

/**
 * Something that is about to happen to the disk.
 * @typedef {object} FileOperation
 * @property {'create' | 'write' | 'truncate' | 'sync' | 'makeFolder' | 'rename' | 'remove'} kind
 * @property {string} path
 * @property {string} [to] new path of a rename
 * @property {Buffer} [data] bytes of a write; they go to the end of the file
 * @property {number} [length] of a truncated file
 */

/**
 * Decides about an operation. `perform` does it, a write with these bytes in place of its own.
 * @typedef {(operation: FileOperation, perform: (data?: Buffer) => Promise<unknown>) => Promise<unknown>} OnOperation
 */

/**
 * Lets every call through `node:fs/promises` in this process that changes a file pass `onOperation` first. Calls that no code of
 * the product makes are refused, so that nothing passes unseen.
 * @param {OnOperation} onOperation
 * @returns {() => void} puts the real functions back
 */
export function interceptFiles(onOperation) {
  const real = { ...fs };
  const bytes = (/** @type {string | Uint8Array} */ data) =>
    typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);

  /** @param {string} path @param {import('node:fs/promises').FileHandle} handle */
  const watched = (path, handle) => {
    const methods = { writeFile: handle.writeFile, truncate: handle.truncate, sync: handle.sync };
    const unseen = () => Promise.reject(new Error('a file operation that the fault layer does not know'));
    return Object.assign(handle, {
      writeFile: (/** @type {string | Uint8Array} */ data) =>
        onOperation({ kind: 'write', path, data: bytes(data) }, (part) =>
          methods.writeFile.call(handle, part ?? bytes(data)),
        ),
      truncate: (/** @type {number} */ length = 0) =>
        onOperation({ kind: 'truncate', path, length }, () => methods.truncate.call(handle, length)),
      sync: () => onOperation({ kind: 'sync', path }, () => methods.sync.call(handle)),
      appendFile: unseen,
      write: unseen,
      writev: unseen,
      datasync: unseen,
    });
  };

  Object.assign(fs, {
    async open(/** @type {string} */ place, /** @type {string} */ flags = 'r', /** @type {number} */ mode) {
      const path = resolve(place);
      if (flags === 'r') return watched(path, await real.open(path, flags, mode));
      const isNew = await real.stat(path).then(
        () => false,
        () => true,
      );
      const open = () => real.open(path, flags, mode);
      if (flags === 'w' && !isNew) await onOperation({ kind: 'truncate', path, length: 0 }, () => real.truncate(path));
      const handle = flags === 'r+' || !isNew ? await open() : await onOperation({ kind: 'create', path }, open);
      return watched(path, /** @type {import('node:fs/promises').FileHandle} */ (handle));
    },
    async writeFile(/** @type {string} */ path, /** @type {string | Uint8Array} */ data) {
      const handle = await fs.open(path, 'w');
      try {
        await handle.writeFile(data);
      } finally {
        await handle.close();
      }
    },
    async mkdir(/** @type {string} */ place, /** @type {import('node:fs').MakeDirectoryOptions} */ options = {}) {
      const path = resolve(place);
      if (options.recursive !== true) return onOperation({ kind: 'makeFolder', path }, () => real.mkdir(path, options));
      const missing = await missingFolders(path, real.stat);
      for (const folder of missing) await onOperation({ kind: 'makeFolder', path: folder }, () => real.mkdir(folder));
      return missing[0];
    },
    rename: (/** @type {string} */ from, /** @type {string} */ to) =>
      real
        .lstat(from)
        .then(() => onOperation({ kind: 'rename', path: resolve(from), to: resolve(to) }, () => real.rename(from, to))),
    rm: (/** @type {string} */ place, /** @type {import('node:fs').RmOptions} */ options) =>
      real.lstat(place).then(
        () => onOperation({ kind: 'remove', path: resolve(place) }, () => real.rm(place, options)),
        () => real.rm(place, options),
      ),
    rmdir: (/** @type {string} */ place) =>
      onOperation({ kind: 'remove', path: resolve(place) }, () => real.rmdir(place)),
    appendFile: () => Promise.reject(new Error('appendFile passes the fault layer unseen')),
    copyFile: () => Promise.reject(new Error('copyFile passes the fault layer unseen')),
  });
  syncBuiltinESMExports();
  return () => {
    Object.assign(fs, real);
    syncBuiltinESMExports();
  };
}

/**
 * @param {string} path
 * @param {(path: string) => Promise<unknown>} stat
 * @returns {Promise<string[]>} folders to make, outermost first
 */
async function missingFolders(path, stat) {
  const missing = [];
  for (let folder = path; ; folder = resolve(folder, '..')) {
    if (
      await stat(folder).then(
        () => true,
        () => false,
      )
    )
      return missing;
    missing.unshift(folder);
  }
}
