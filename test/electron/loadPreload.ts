import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import type { DesktopBridge } from '../../src/contract/desktop.js';
import { ipcMain, type BrowserWindow } from './electronMock.js';

const script = readFileSync(fileURLToPath(new URL('../../dist/electron/preload.cjs', import.meta.url)), 'utf8');

/**
 * Runs the compiled preload script for a window as a sandboxed page would: with `electron` as the only module and no Node
 * around it. Returns what the page finds on `window`.
 */
export function loadPreload(window: BrowserWindow) {
  const exposed: Record<string, unknown> = {};
  const listeners = new Map<string, (event: object) => void>();
  const from = { sender: window.webContents, senderFrame: window.webContents.mainFrame };
  const electron = {
    contextBridge: { exposeInMainWorld: (name: string, api: unknown) => void (exposed[name] = api) },
    ipcRenderer: {
      invoke: (channel: string, ...args: unknown[]) => ipcMain.invoke(from, channel, ...args),
      send: (channel: string, ...args: unknown[]) => ipcMain.deliver(from, channel, args),
      postMessage: (channel: string, message: unknown, ports: unknown[]) =>
        ipcMain.deliver(from, channel, [message], ports),
      on: (channel: string, listener: (event: object, ...args: unknown[]) => void) =>
        window.webContents.page.on(channel, listener),
      off: (channel: string, listener: (event: object, ...args: unknown[]) => void) =>
        window.webContents.page.off(channel, listener),
    },
    webUtils: { getPathForFile: (file: { path: string }) => file.path },
  };
  const require = (name: string) => {
    if (name !== 'electron') throw new Error(`a sandboxed preload script cannot load ${name}`);
    return electron;
  };
  const page = { addEventListener: (type: string, listener: (event: object) => void) => listeners.set(type, listener) };
  runInContext(script, createContext({ require, window: page, MessageChannel }));
  return {
    exposed,
    bridge: exposed['stepadapt'] as DesktopBridge,
    /** Plays an event of the page's window. */
    dispatch: (type: string, event: object) => listeners.get(type)?.(event),
  };
}
