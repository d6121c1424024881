import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import WebSocket from 'ws';
import { createApplication } from '../../src/app/application.js';
import { startWebHost } from '../../src/server/startWebHost.js';
import { contractSuite } from '../app/contractSuite.js';
import { loadWebTransport } from '../app/windowTransports.js';
import { signIn } from './signIn.js';
import { removeFolder } from '../removeFolder.js';

const pageFolder = mkdtempSync(join(tmpdir(), 'stepadapt-page-'));
writeFileSync(join(pageFolder, 'index.html'), '<!doctype html><title>page</title>');
const realFetch = globalThis.fetch;
afterAll(async () => {
  vi.unstubAllGlobals();
  await removeFolder(pageFolder);
});

/** Gives the transport what a page of this host has: its address, its cookie, and its origin on every request. */
async function openPage(port: number, url: string): Promise<{ cookie: string; sockets: Set<WebSocket> }> {
  const origin = `http://127.0.0.1:${port}`;
  const cookie = await signIn(url);
  const sockets = new Set<WebSocket>();
  vi.stubGlobal('window', { location: { href: `${origin}/` } });
  vi.stubGlobal('fetch', (address: string, init: RequestInit = {}) =>
    realFetch(new URL(address, origin), { ...init, headers: { ...init.headers, origin, cookie } }),
  );
  vi.stubGlobal(
    'WebSocket',
    class extends WebSocket {
      constructor(address: string | URL) {
        super(address, { headers: { origin, cookie } });
        sockets.add(this);
      }
    },
  );
  return { cookie, sockets };
}

contractSuite("the window's transport over HTTP and WebSocket", async (app) => {
  const host = await startWebHost({ app, port: 0, pageFolder, log: () => undefined });
  const { sockets, cookie } = await openPage(host.port, host.url());
  const transport = (await loadWebTransport())();
  return {
    transport,
    async get(url) {
      const response = await realFetch(`http://127.0.0.1:${host.port}${url}`, { headers: { cookie } });
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
    },
    async close() {
      for (const socket of sockets) socket.terminate();
      vi.unstubAllGlobals();
      await host.close();
    },
  };
});

test('a socket that drops comes back by itself and misses nothing; a host that is gone is named', async () => {
  const root = mkdtempSync(join(tmpdir(), 'stepadapt-socket-'));
  const app = await createApplication({ host: 'web', dataFolder: join(root, 'data'), roots: [root] });
  const host = await startWebHost({ app, port: 0, pageFolder, log: () => undefined });
  const { sockets } = await openPage(host.port, host.url());
  const transport = (await loadWebTransport())();
  const states: string[] = [];
  const seen: number[] = [];
  transport.onConnection((state) => states.push(state));
  const leave = transport.subscribe((message) => {
    if (message.type === 'events') seen.push(...message.events.map(({ seq }) => seq));
  });
  await vi.waitFor(() => expect(states.at(-1)).toBe('open'), { timeout: 120_000 });
  await app.call('queue.pause', {});
  await vi.waitFor(() => expect(seen).toHaveLength(1), { timeout: 120_000 });
  for (const socket of sockets) socket.terminate();
  await vi.waitFor(() => expect(states.at(-1)).toBe('reconnecting'), { timeout: 120_000 });
  await app.call('queue.resume', {});
  await vi.waitFor(() => expect(states.at(-1)).toBe('open'), { timeout: 120_000 });
  await vi.waitFor(() => expect(seen).toHaveLength(2), { timeout: 120_000 });
  expect(seen[1]).toBe(seen[0] + 1);

  leave();
  await host.close();
  const answer = await transport.call('app.info', {});
  expect(answer).toMatchObject({
    ok: false,
    error: { code: 'HOST_UNREACHABLE', hint: expect.stringContaining('runs') },
  });
  await app.close();
  await removeFolder(root);
});
