import { app, Menu, type BaseWindow, BrowserWindow, type MenuItemConstructorOptions } from 'electron';

export interface MenuHandlers {
  readonly openProject: () => void;
  readonly openRecent: (projectId: string) => void;
  /** Null while no job is at work. */
  readonly pauseJob: (() => void) | null;
  readonly showLogs: () => void;
  readonly openPaper: () => void;
  /** Null where updates are off. */
  readonly checkForUpdates: (() => void) | null;
}

export interface RecentProject {
  readonly id: string;
  readonly name: string;
  readonly place: string;
}

/** Builds the native menu and puts it in place; called again when something in it changes. */
export function installMenu(handlers: MenuHandlers, recent: readonly RecentProject[]): void {
  const isMac = process.platform === 'darwin';
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      ...(isMac ? [{ role: 'appMenu' } as const] : []),
      fileMenu(handlers, recent, isMac),
      { role: 'editMenu' },
      viewMenu(),
      {
        label: '&Run',
        submenu: [
          {
            id: 'pause',
            label: 'Pause the Running Job',
            enabled: handlers.pauseJob !== null,
            click: () => handlers.pauseJob?.(),
          },
        ],
      },
      { role: 'windowMenu' },
      helpMenu(handlers, isMac),
    ]),
  );
}

function fileMenu(
  handlers: MenuHandlers,
  recent: readonly RecentProject[],
  isMac: boolean,
): MenuItemConstructorOptions {
  const projects: MenuItemConstructorOptions[] = recent.map(({ id, name, place }) => ({
    label: name,
    toolTip: place,
    click: () => handlers.openRecent(id),
  }));
  return {
    label: '&File',
    submenu: [
      { id: 'open', label: 'Open…', accelerator: 'CmdOrCtrl+O', click: handlers.openProject },
      {
        id: 'recent',
        label: 'Open Recent',
        submenu: projects.length > 0 ? projects : [{ label: 'No Recent Experiments', enabled: false }],
      },
      { type: 'separator' },
      isMac ? { role: 'close' } : { role: 'quit' },
    ],
  };
}

function viewMenu(): MenuItemConstructorOptions {
  const developerItems: MenuItemConstructorOptions[] = app.isPackaged
    ? []
    : [{ type: 'separator' }, { role: 'toggleDevTools' }];
  return {
    label: '&View',
    submenu: [
      pagesOwn('Start', '1'),
      pagesOwn('Design', '2'),
      pagesOwn('Run', '3'),
      pagesOwn('Experts', '4'),
      pagesOwn('Results', '5'),
      { type: 'separator' },
      pagesOwn('Command Palette…', 'K'),
      { type: 'separator' },
      { role: 'resetZoom' },
      { role: 'zoomIn' },
      { role: 'zoomOut' },
      { role: 'togglefullscreen' },
      ...developerItems,
    ],
  };
}

/**
 * An item for one of the page's own shortcuts: the menu shows the key and presses it. The page stays the only one that knows
 * what its keys do, on the desktop as in a browser.
 */
function pagesOwn(label: string, key: string): MenuItemConstructorOptions {
  const click: MenuItemConstructorOptions['click'] = (_item, window) => press(window, key);
  // macOS cannot show a key without also pressing the item, which would press the key again.
  if (process.platform === 'darwin') return { label, click };
  return { label, accelerator: `CmdOrCtrl+${key}`, registerAccelerator: false, click };
}

function press(window: BaseWindow | undefined, key: string): void {
  if (!(window instanceof BrowserWindow)) return;
  const modifiers: ['meta'] | ['control'] = process.platform === 'darwin' ? ['meta'] : ['control'];
  window.webContents.sendInputEvent({ type: 'keyDown', keyCode: key, modifiers });
  window.webContents.sendInputEvent({ type: 'keyUp', keyCode: key, modifiers });
}

function helpMenu(handlers: MenuHandlers, isMac: boolean): MenuItemConstructorOptions {
  const updates: MenuItemConstructorOptions[] =
    handlers.checkForUpdates === null ? [] : [{ label: 'Check for Updates…', click: handlers.checkForUpdates }];
  return {
    role: 'help',
    submenu: [
      { id: 'paper', label: 'The Paper Behind It', click: handlers.openPaper },
      { id: 'logs', label: 'Show Logs', click: handlers.showLogs },
      ...updates,
      ...(isMac ? [] : [{ role: 'about' } as const]),
    ],
  };
}
