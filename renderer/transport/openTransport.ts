import { createElectronTransport } from './electronTransport.js';
import { createWebTransport } from './webTransport.js';
import type { Transport } from './transport.js';

/** The desktop bridge where there is one, otherwise the web host that served this page. */
export function openTransport(): Transport {
  return window.stepadapt === undefined ? createWebTransport() : createElectronTransport(window.stepadapt);
}
