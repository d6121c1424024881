import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { app } from 'electron';
import type { CommandParams } from '../src/contract/api.js';

export const DOCUMENT_EXTENSION = 'stepadapt';

/** A project that the user wants to see: one of the recent ones, or a file. */
export type WantedProject = CommandParams<'projects.open'>;

/** Holds the projects that are asked for until a page can show them, then hands over each at once, in order. */
export interface DocumentQueue {
  add(project: WantedProject): void;
  /** Hands over what waits and what comes, until `disconnect`. */
  connect(open: (project: WantedProject) => void): void;
  /** The page is gone: hold projects again. */
  disconnect(): void;
}

export function createDocumentQueue(): DocumentQueue {
  let waiting: WantedProject[] = [];
  let receiver: ((project: WantedProject) => void) | null = null;
  return {
    add(project) {
      if (receiver === null) waiting.push(project);
      else receiver(project);
    },
    connect(open) {
      receiver = open;
      const projects = waiting;
      waiting = [];
      for (const project of projects) open(project);
    },
    disconnect() {
      receiver = null;
    },
  };
}

/** Project files among command-line arguments, as absolute paths. Options, folders and files of other kinds are left out. */
export function documentsInArguments(args: readonly string[], workingFolder: string): string[] {
  return documentsAmong(
    args.filter((argument) => !argument.startsWith('-')).map((path) => resolve(workingFolder, path)),
  );
}

/** Project files among absolute paths. */
export function documentsAmong(paths: readonly string[]): string[] {
  return paths.filter(
    (path) =>
      extname(path).toLowerCase() === `.${DOCUMENT_EXTENSION}` &&
      (statSync(path, { throwIfNoEntry: false })?.isFile() ?? false),
  );
}

/**
 * Collects documents from the three ways a system hands them over: the `open-file` event (macOS, even before the app is
 * ready), the command line, and the command line of a second start. Must run before Electron is ready.
 *
 * @param onAsked called when the user, with the app running, opens a document or starts the app again
 * @returns false if another instance of the app runs already; it has been given this one's arguments
 */
export function collectDocuments(queue: DocumentQueue, onAsked: () => void): boolean {
  if (!app.requestSingleInstanceLock()) return false;
  app.on('open-file', (event, path) => {
    event.preventDefault();
    for (const document of documentsAmong([path])) queue.add({ path: document });
    onAsked();
  });
  app.on('second-instance', (_event, args, workingFolder) => {
    for (const path of documentsInArguments(args.slice(1), workingFolder)) queue.add({ path });
    onAsked();
  });
  for (const path of documentsInArguments(process.argv.slice(1), process.cwd())) queue.add({ path });
  return true;
}
