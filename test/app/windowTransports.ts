import { resolve } from 'node:path';
import type { AppTransport } from '../../src/contract/api.js';
import type { DesktopBridge } from '../../src/contract/desktop.js';

/** The window's transport with what its views call besides the contract's commands. */
export interface WindowTransport extends AppTransport {
  imageUrl(image: string): string;
  fileUrl(url: string): string;
  onConnection(listener: (connection: 'connecting' | 'open' | 'reconnecting') => void): () => void;
}

/**
 * The two implementations that the window itself uses. They are typed for a page, so they are loaded by path: these tests are
 * typed for Node, and stand in for what a page has.
 */
export async function loadWebTransport(): Promise<() => WindowTransport> {
  const module = (await load('webTransport')) as { createWebTransport: () => WindowTransport };
  return module.createWebTransport;
}

export async function loadElectronTransport(): Promise<(bridge: DesktopBridge) => WindowTransport> {
  const module = (await load('electronTransport')) as {
    createElectronTransport: (bridge: DesktopBridge) => WindowTransport;
  };
  return module.createElectronTransport;
}

function load(name: string): Promise<unknown> {
  const path = resolve(import.meta.dirname, `../../renderer/transport/${name}.ts`);
  return import(path) as Promise<unknown>;
}
