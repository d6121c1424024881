import { join } from 'node:path';
import { app, BrowserWindow, screen } from 'electron';
import type { Logger } from './logs.js';
import { APP_PAGE } from './origin.js';
import { guardUnsavedChanges } from './unsavedChanges.js';
import { placeOnDisplays, readWindowPlace, SMALLEST_SIZE, writeWindowPlace } from './windowPlace.js';

/** The app's one window: opened once, brought to the front when asked for again. */
export interface MainWindow {
  /** Opens the window, or shows the open one. */
  show(): void;
  /** The open window, or null. */
  current(): BrowserWindow | null;
}

export interface MainWindowOptions {
  /** The bundled preload script. */
  readonly preload: string;
  readonly log: Logger;
  /** The page is gone, for good or to be loaded again. */
  readonly onGone: () => void;
}

export function createMainWindow({ preload, log, onGone }: MainWindowOptions): MainWindow {
  let window: BrowserWindow | null = null;
  return {
    current: () => window,
    show() {
      if (window !== null) {
        if (window.isMinimized()) window.restore();
        window.show();
        window.focus();
        return;
      }
      window = openWindow(preload, log);
      window.webContents.on('render-process-gone', onGone);
      window.on('closed', () => {
        window = null;
        onGone();
      });
    },
  };
}

function openWindow(preload: string, log: Logger): BrowserWindow {
  const placePath = join(app.getPath('userData'), 'window.json');
  const remembered = readWindowPlace(placePath);
  const window = new BrowserWindow({
    ...placeOnDisplays(remembered?.bounds ?? null, displaysPrimaryFirst()),
    minWidth: SMALLEST_SIZE.width,
    minHeight: SMALLEST_SIZE.height,
    title: app.getName(),
    show: false,
    webPreferences: {
      preload,
      // These are Electron's defaults. They stand here because everything else relies on them.
      contextIsolation: true,
      nodeIntegration: false,
      sandbox: true,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
    },
  });
  window.once('ready-to-show', () => {
    if (remembered?.maximized === true) window.maximize();
    window.show();
  });
  window.on('close', () => {
    try {
      writeWindowPlace(placePath, { bounds: window.getNormalBounds(), maximized: window.isMaximized() });
    } catch (error) {
      log.warn({ error }, 'the place of the window could not be remembered');
    }
  });
  guardUnsavedChanges(window);
  window.loadURL(APP_PAGE).catch((error: unknown) => log.error({ error }, 'the page could not be loaded'));
  return window;
}

function displaysPrimaryFirst() {
  const primary = screen.getPrimaryDisplay();
  return [primary, ...screen.getAllDisplays().filter(({ id }) => id !== primary.id)];
}
