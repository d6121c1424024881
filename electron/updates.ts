import { existsSync } from 'node:fs';
import type { Logger } from './logs.js';

export interface UpdateOptions {
  /** `app-update.yml`, which packaging writes when a feed is configured. Without it there are no updates. */
  readonly feedFile: string;
  /** Whether a job runs. Nothing is installed under a running job. */
  readonly isBusy: () => boolean;
  /** Asks the user. */
  readonly confirm: (question: string) => Promise<boolean>;
  readonly log: Logger;
}

export type UpdateOutcome = 'off' | 'busy' | 'current' | 'declined' | 'installing';

export function hasUpdateFeed(feedFile: string): boolean {
  return existsSync(feedFile);
}

/**
 * Looks for a newer version and, if the user agrees, downloads and installs it. Nothing is fetched or installed by itself, and
 * never at quit: a system that shuts down kills an installation halfway.
 */
export async function update({ feedFile, isBusy, confirm, log }: UpdateOptions): Promise<UpdateOutcome> {
  if (!hasUpdateFeed(feedFile)) return 'off';
  if (isBusy()) return 'busy';
  const { default: updater } = await import('electron-updater');
  const { autoUpdater } = updater;
  autoUpdater.autoDownload = false;
  autoUpdater.autoInstallOnAppQuit = false;
  autoUpdater.logger = log;
  const found = await autoUpdater.checkForUpdates();
  if (found === null || !found.isUpdateAvailable) return 'current';
  if (!(await confirm(`Version ${found.updateInfo.version} is available. Install it and restart?`))) return 'declined';
  await autoUpdater.downloadUpdate();
  // A job may have started during the download.
  if (isBusy()) return 'busy';
  autoUpdater.quitAndInstall();
  return 'installing';
}
