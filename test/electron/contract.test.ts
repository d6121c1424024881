import { tmpdir } from 'node:os';
import { vi } from 'vitest';
import { serveApp } from '../../electron/appProtocol.js';
import { createDocumentQueue } from '../../electron/documents.js';
import { createIpcGate } from '../../electron/ipcGate.js';
import { connectPage } from '../../electron/pageChannels.js';
import { contractSuite } from '../app/contractSuite.js';
import { loadElectronTransport } from '../app/windowTransports.js';
import { BrowserWindow, resetElectron, session } from './electronMock.js';
import { loadPreload } from './loadPreload.js';
import { memoryLog } from './memoryLog.js';

vi.mock('electron', () => import('./electronMock.js'));

contractSuite("the window's transport through the compiled preload script and the gate", async (app) => {
  resetElectron();
  const window = new BrowserWindow({ x: 0, y: 0, width: 800, height: 600 });
  const { log } = memoryLog();
  serveApp(session.defaultSession as never, { page: tmpdir(), projectFile: app.file }, log);
  connectPage(createIpcGate({ currentWindow: () => window as never, log }), {
    application: app,
    documents: createDocumentQueue(),
    chooseProject: async () => null,
    onSettings: () => undefined,
    onReady: () => undefined,
  });
  const get = session.defaultSession.schemes.get('app')!;
  const leaving: (() => void)[] = [];
  const transport = (await loadElectronTransport())(loadPreload(window).bridge);
  return {
    transport: {
      call: (name, params) => transport.call(name, params),
      subscribe(listener, from) {
        const leave = transport.subscribe(listener, from);
        leaving.push(leave);
        return leave;
      },
    },
    async get(url) {
      const response = await get(new Request(`app://stepadapt${url}`));
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
    },
    // An open port would keep the process alive.
    close: async () => leaving.forEach((leave) => leave()),
  };
});
