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
app.setPath('userData', join(applicationFolder(), 'desktop'));
app.setAppUserModelId('org.stepadapt.studio');
app.enableSandbox();
registerAppScheme();

const log = openLog(app.getPath('logs'));
const documents = createDocumentQueue();
const window = createMainWindow({ preload: join(folder, 'preload.cjs'), log, onGone: documents.disconnect });
handleCrashes({ log, currentWindow: window.current });

/** A module's evaluation must not wait for readiness: Electron is not ready before its main module is evaluated. */
const whenReady = app.whenReady();

if (collectDocuments(documents, () => void whenReady.then(window.show))) {
  app.on('activate', () => void whenReady.then(window.show));
  whenReady
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
