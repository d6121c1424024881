import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { FileOperation } from './fileOperations.mjs';

/**
 * What a disk may hold after a crash, worked out from a log of file operations. Modelled after a journaling file system that
 * promises no more than POSIX: changes of folders reach the disk in order, the contents of files whenever they are synced.
 */

interface FileNode {
  /** What a process sees. */
  content: Buffer;
  /** What is on the disk for sure. */
  synced: Buffer;
}
type Tree = Map<string, FileNode | 'folder'>;

interface FolderChange {
  readonly folders: readonly string[];
  readonly apply: (tree: Tree) => void;
}

export const CRASHES = ['killed', 'torn', 'lost caches', 'lost contents'] as const;
/**
 * `killed`: the process dies, the system lives. `torn`: the same in the middle of a write. `lost caches`: the power fails and
 * only what was synced is there. `lost contents`: all changes of folders are there, contents that were not synced are not.
 */
export type Crash = (typeof CRASHES)[number];

/** A folder's state: path to content, null for folders. */
export type DiskState = ReadonlyMap<string, Buffer | null>;

/** Everything in a folder, taken as synced. */
export async function diskState(root: string): Promise<DiskState> {
  const state = new Map<string, Buffer | null>();
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    state.set(relative(root, path), entry.isDirectory() ? null : await readFile(path));
  }
  return state;
}

/** Writes a state into an empty folder. */
export async function writeDiskState(root: string, state: DiskState): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const [path, content] of state) {
    if (content === null) await mkdir(join(root, path), { recursive: true });
    else {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
  }
}

/**
 * The state after a crash that follows the first `count` operations of a log; `torn` has half of the next one too.
 *
 * @param before state when the log began
 * @param root folder that the log's paths lie in
 * @returns null where this crash cannot happen here: nothing is torn when the next operation is no write
 */
export function stateAfterCrash(
  before: DiskState,
  root: string,
  log: readonly FileOperation[],
  count: number,
  crash: Crash,
): DiskState | null {
  const live: Tree = new Map();
  for (const [path, content] of before)
    live.set(join(root, path), content === null ? 'folder' : { content, synced: content });
  const durable: Tree = new Map(live);
  let pending: FolderChange[] = [];
  const change = (folders: readonly string[], apply: (tree: Tree) => void) => {
    apply(live);
    pending.push({ folders, apply });
  };
  const fileAt = (path: string) => {
    const node = live.get(path);
    if (node === undefined || node === 'folder') throw new Error(`the log writes to ${path}, which is no file`);
    return node;
  };
  const write = (path: string, data: Buffer) => {
    const file = fileAt(path);
    file.content = Buffer.concat([file.content, data]);
  };

  for (const { kind, path, to, data, length } of log.slice(0, count)) {
    switch (kind) {
      case 'create': {
        const node: FileNode = { content: Buffer.alloc(0), synced: Buffer.alloc(0) };
        change([dirname(path)], (tree) => tree.set(path, node));
        break;
      }
      case 'write':
        write(path, data!);
        break;
      case 'truncate': {
        const file = fileAt(path);
        file.content = file.content.subarray(0, length);
        // A shorter file is a change of its inode, which the journal orders with the folders'.
        file.synced = file.synced.subarray(0, length);
        break;
      }
      case 'sync': {
        const node = live.get(path);
        if (node !== undefined && node !== 'folder') node.synced = node.content;
        else {
          const last = pending.findLastIndex(({ folders }) => folders.includes(path));
          for (const { apply } of pending.slice(0, last + 1)) apply(durable);
          pending = pending.slice(last + 1);
        }
        break;
      }
      case 'makeFolder':
        change([dirname(path)], (tree) => tree.set(path, 'folder'));
        break;
      case 'rename':
        change([dirname(path), dirname(to!)], (tree) => moveIn(tree, path, to!));
        break;
      case 'remove':
        change([dirname(path)], (tree) => removeIn(tree, path));
        break;
    }
  }
  if (crash === 'torn') {
    const next = log[count];
    if (next?.kind !== 'write') return null;
    write(next.path, next.data!.subarray(0, next.data!.length >> 1));
  }
  const tree = crash === 'lost caches' ? durable : live;
  const isCold = crash === 'lost caches' || crash === 'lost contents';
  return new Map(
    [...tree].map(([path, node]) => [
      relative(root, path),
      node === 'folder' ? null : isCold ? node.synced : node.content,
    ]),
  );
}

function moveIn(tree: Tree, from: string, to: string): void {
  const moved = [...tree].filter(([path]) => path === from || path.startsWith(`${from}/`));
  removeIn(tree, to);
  for (const [path] of moved) tree.delete(path);
  for (const [path, node] of moved) tree.set(to + path.slice(from.length), node);
}

function removeIn(tree: Tree, from: string): void {
  for (const path of [...tree.keys()]) if (path === from || path.startsWith(`${from}/`)) tree.delete(path);
}
