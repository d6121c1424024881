import { app, shell } from 'electron';
import type { Application } from '../src/app/application.js';
import type { JobView } from '../src/contract/jobs.js';
import { chooseProject, confirm } from './dialogs.js';
import type { DocumentQueue } from './documents.js';
import type { Logger } from './logs.js';
import { installMenu } from './menu.js';
import { openExternalLink } from './navigation.js';
import { hasUpdateFeed, update } from './updates.js';
import type { MainWindow } from './windows.js';

const PAPER = 'https://arxiv.org/abs/2312.13307';
const RECENT_PROJECTS = 10;

export interface NativeMenuOptions {
  readonly application: Application;
  readonly documents: DocumentQueue;
  readonly window: MainWindow;
  readonly jobAtWork: () => JobView | null;
  readonly updateFeed: string;
  readonly log: Logger;
}

/** Keeps the native menu in step with the recent projects and the job at work. The returned function looks anew. */
export function keepMenu({
  application,
  documents,
  window,
  jobAtWork,
  updateFeed,
  log,
}: NativeMenuOptions): () => void {
  const report = (error: unknown) => log.error({ error }, 'a menu command failed');

  const openProject = async () => {
    const path = await chooseProject(window.current());
    if (path === null) return;
    documents.add({ path });
    window.show();
  };
  const checkForUpdates = async () => {
    const ask = (message: string) => confirm(window.current(), { message, yes: 'Install and Restart', no: 'Not Now' });
    const outcome = await update({ feedFile: updateFeed, isBusy: application.isBusy, confirm: ask, log });
    log.info({ outcome }, 'looked for updates');
  };
  const refresh = async () => {
    const recent = await application.call('projects.recent', {});
    const job = jobAtWork();
    installMenu(
      {
        openProject: () => void openProject().catch(report),
        openRecent(id) {
          documents.add({ id });
          window.show();
        },
        pauseJob: job === null ? null : () => void application.call('runs.pause', { id: job.projectId }),
        showLogs: () => void shell.openPath(app.getPath('logs')).catch(report),
        openPaper: () => openExternalLink(PAPER, log),
        checkForUpdates: hasUpdateFeed(updateFeed) ? () => void checkForUpdates().catch(report) : null,
      },
      recent.ok ? recent.value.filter(({ problem }) => problem === null).slice(0, RECENT_PROJECTS) : [],
    );
  };
  return () => void refresh().catch(report);
}
