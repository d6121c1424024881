import { app, dialog, type BrowserWindow } from 'electron';
import type { Logger } from './logs.js';

const RELOADS = 3;
const WITHIN_MS = 60_000;

export interface CrashOptions {
  readonly log: Logger;
  readonly currentWindow: () => BrowserWindow | null;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * A page that crashes is loaded again; it takes a new snapshot of jobs and project and goes on, since the work itself runs in
 * other processes. A page that keeps crashing is left alone and the user told. Other processes' ends are logged.
 */
export function handleCrashes({ log, currentWindow, now = () => performance.now() }: CrashOptions): void {
  let crashes: number[] = [];

  app.on('render-process-gone', (_event, contents, details) => {
    if (details.reason === 'clean-exit') return;
    log.error({ details }, 'the page crashed');
    const window = currentWindow();
    if (window === null || window.webContents !== contents) return;
    crashes = [...crashes.filter((at) => now() - at < WITHIN_MS), now()];
    if (crashes.length <= RELOADS) {
      contents.reload();
      return;
    }
    dialog
      .showMessageBox(window, {
        type: 'error',
        message: 'The window keeps crashing.',
        detail: `A running job goes on. Restart ${app.getName()}; the log says more (Help, Show Logs).`,
        buttons: ['Close'],
      })
      .catch((error: unknown) => log.error({ error }, 'a message could not be shown'));
  });

  app.on('child-process-gone', (_event, details) => {
    if (details.reason !== 'clean-exit') log.error({ details }, 'a process of the window system crashed');
  });

  process.on('uncaughtException', (error) => {
    log.fatal({ error }, 'unexpected error');
    dialog.showErrorBox('Unexpected error', `${error.message}\n\nThe log says more (Help, Show Logs).`);
  });
  process.on('unhandledRejection', (error) => {
    log.error({ error }, 'unexpected rejection');
  });
}
