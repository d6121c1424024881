import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, dialog, session } from 'electron';
import { applicationFolder } from '../src/app/applicationFolder.js';
import { describeError } from '../src/contract/errors.js';
import { registerAppScheme } from './appProtocol.js';
import { handleCrashes } from './crashes.js';
import { collectDocuments, createDocumentQueue } from './documents.js';
import { openLog } from './logs.js';
import { startDesktop } from './startDesktop.js';
import { createMainWindow } from './windows.js';

/** The desktop host, in the order in which it comes to life. The application itself is `src/app`, the page `renderer/`. */

const folder = dirname(fileURLToPath(import.meta.url));

// What belongs to the window lies beside what belongs to the application, which other hosts share.
const windowFolder = join(applicationFolder(), 'desktop');
mkdirSync(windowFolder, { recursive: true });
app.setPath('userData', windowFolder);
app.setAppUserModelId('org.stepadapt.studio');
app.enableSandbox();
registerAppScheme();

const log = openLog(app.getPath('logs'));
const documents = createDocumentQueue();
const window = createMainWindow({ preload: join(folder, 'preload.cjs'), log, onGone: documents.disconnect });
handleCrashes({ log, currentWindow: window.current });

/** Settled once the page may be shown: no window opens before what it may do is settled. */
let started: Promise<void> | null = null;
const show = () => void started?.then(window.show);

if (collectDocuments(documents, show)) {
  app.on('activate', show);
  // Not awaited: Electron is not ready before its main module has been evaluated.
  started = app
    .whenReady()
    .then(() =>
      startDesktop({ programFolder: dirname(folder), session: session.defaultSession, window, documents, log }),
    )
    .catch((error: unknown) => {
      const { message, hint } = describeError(error);
      log.fatal({ error }, 'the app could not start');
      dialog.showErrorBox(`${app.getName()} could not start`, `${message}\n\n${hint}`);
      app.exit(1);
    });
} else {
  app.quit();
}
