import { app, BrowserWindow, dialog } from 'electron';
import type { Logger } from './logs.js';

export interface QuitOptions {
  readonly isBusy: () => boolean;
  /** Stops the job at work with a checkpoint and puts everything away. */
  readonly close: () => Promise<void>;
  readonly log: Logger;
}

export interface Quitting {
  /** To be called when the last job has ended: an app that stayed for it alone may go. */
  readonly onIdle: () => void;
}

/**
 * How the app ends. The window may close while a job goes on without it; quitting stops the job, with a checkpoint, and only
 * after a question. The process stays until the checkpoint is written.
 */
export function manageQuit({ isBusy, close, log }: QuitOptions): Quitting {
  const staysWithoutWindow = process.platform === 'darwin';
  let isAgreed = false;
  let isClosing = false;

  app.on('window-all-closed', () => {
    if (staysWithoutWindow) return;
    if (isBusy() && !agreeToStop('Go on in the background')) return;
    isAgreed = true;
    app.quit();
  });
  app.on('before-quit', (event) => {
    if (isBusy() && !isAgreed && !agreeToStop('Do not quit')) event.preventDefault();
  });
  app.on('will-quit', (event) => {
    event.preventDefault();
    if (isClosing) return;
    isClosing = true;
    close()
      .catch((error: unknown) => log.error({ error }, 'the application did not close cleanly'))
      .finally(() => app.exit());
  });

  return {
    onIdle() {
      if (!staysWithoutWindow && BrowserWindow.getAllWindows().length === 0) app.quit();
    },
  };
}

function agreeToStop(otherwise: string): boolean {
  const answer = dialog.showMessageBoxSync({
    type: 'question',
    message: 'A job is at work.',
    detail: 'If you quit it stops with a checkpoint and goes on from there when you start it again.',
    buttons: ['Stop and Quit', otherwise],
    defaultId: 1,
    cancelId: 1,
  });
  return answer === 0;
}
