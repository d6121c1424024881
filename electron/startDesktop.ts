import { join } from 'node:path';
import { app, type Session } from 'electron';
import { createApplication, type Application } from '../src/app/application.js';
import { applicationFolder } from '../src/app/applicationFolder.js';
import { settingsSchema } from '../src/contract/settings.js';
import { serveApp } from './appProtocol.js';
import { pauseOnBattery } from './battery.js';
import { channels } from './channels.js';
import { askWhereToSave, chooseProject } from './dialogs.js';
import type { DocumentQueue } from './documents.js';
import { findEngineRuntime } from './engineRuntime.js';
import { createIpcGate } from './ipcGate.js';
import { createJobPresence } from './jobPresence.js';
import { createKeyStore } from './keyStore.js';
import type { Logger } from './logs.js';
import { keepMenu } from './nativeMenu.js';
import { confineNavigation } from './navigation.js';
import { connectPage } from './pageChannels.js';
import { restrictPermissions } from './permissions.js';
import { manageQuit } from './quitting.js';
import { openReport } from './reports.js';
import type { MainWindow } from './windows.js';

export interface DesktopOptions {
  /** The folder `dist`, as this program sees it. */
  readonly programFolder: string;
  readonly session: Session;
  readonly window: MainWindow;
  readonly documents: DocumentQueue;
  readonly log: Logger;
}

/** Starts the application and builds the desktop around it. Electron is ready. */
export async function startDesktop({ programFolder, session, window, documents, log }: DesktopOptions): Promise<void> {
  const application = await openApplication(programFolder);

  // What the page may reach and do is settled before there is a page.
  serveApp(session, { page: join(programFolder, 'renderer'), projectFile: application.file }, log);
  restrictPermissions(session, log);
  confineNavigation((url) => openReport(url, application.file, log), log);
  askWhereToSave(session);

  const settings = await application.call('settings.get', {});
  const quitting = manageQuit({ isBusy: application.isBusy, close: () => closeAll(), log });
  const presence = createJobPresence({
    application,
    settings: settings.ok ? settings.value : settingsSchema.parse({}),
    currentWindow: window.current,
    showWindow: window.show,
    onMenuChange: () => refreshMenu(),
    onIdle: quitting.onIdle,
    log,
  });
  const refreshMenu = keepMenu({
    application,
    documents,
    window,
    jobAtWork: presence.jobAtWork,
    updateFeed: join(process.resourcesPath, 'app-update.yml'),
    log,
  });
  const closeAll = async () => {
    presence.end();
    await application.close();
  };

  connectPage(createIpcGate({ currentWindow: window.current, log }), {
    application,
    documents,
    chooseProject: () => chooseProject(window.current()),
    onSettings: presence.setSettings,
    onReady: () => documents.connect((project) => window.current()?.webContents.send(channels.openProject, project)),
  });
  pauseOnBattery({
    isWanted: async () => {
      const now = await application.call('settings.get', {});
      return now.ok && now.value.pauseOnBattery;
    },
    pause: () => pauseJob(application, presence.jobAtWork()?.projectId ?? null),
    onError: (error) => log.error({ error }, 'work could not follow the power supply'),
  });

  refreshMenu();
  window.show();
}

function openApplication(programFolder: string): Promise<Application> {
  const { execPath, entry, engineHome } = findEngineRuntime({
    isPackaged: app.isPackaged,
    resourcesFolder: process.resourcesPath,
    programFolder,
    platform: process.platform,
    env: process.env,
  });
  if (engineHome !== null) process.env['STEPADAPT_ENGINE_HOME'] ??= engineHome;
  return createApplication({
    host: 'desktop',
    dataFolder: applicationFolder(),
    // The person in front of the screen may open any of their files.
    roots: null,
    projectsFolder: join(app.getPath('documents'), 'StepAdapt'),
    engine: { execPath, entry },
    keyStore: createKeyStore(join(app.getPath('userData'), 'language-model-key.json')),
  });
}

async function pauseJob(application: Application, id: string | null): Promise<(() => Promise<void>) | null> {
  if (id === null) return null;
  const paused = await application.call('runs.pause', { id });
  if (!paused.ok) return null;
  return async () => {
    await application.call('runs.start', { id });
  };
}
