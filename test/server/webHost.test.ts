import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import WebSocket from 'ws';
import type { Result, StreamMessage } from '../../src/contract/api.js';
import { startWebHost } from '../../src/server/startWebHost.js';
import { contractSuite } from '../app/contractSuite.js';
import { signIn } from './signIn.js';
import { removeFolder } from '../removeFolder.js';

const pageFolder = mkdtempSync(join(tmpdir(), 'stepadapt-page-'));
writeFileSync(join(pageFolder, 'index.html'), '<!doctype html><title>page</title>');
afterAll(() => removeFolder(pageFolder));

contractSuite('over HTTP and WebSocket', async (app) => {
  const host = await startWebHost({ app, port: 0, pageFolder, log: () => undefined });
  const origin = `http://127.0.0.1:${host.port}`;
  const cookie = await signIn(host.url());
  const sockets = new Set<WebSocket>();
  return {
    transport: {
      async call(name, params) {
        const response = await fetch(`${origin}/api/call/${name}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', origin, cookie },
          body: JSON.stringify(params),
        });
        return (await response.json()) as Result<never>;
      },
      subscribe(listener, from) {
        const query = from === undefined ? '' : `?${new URLSearchParams({ epoch: from.epoch, seq: String(from.seq) })}`;
        const socket = new WebSocket(`${origin.replace('http', 'ws')}/api/events${query}`, {
          headers: { origin, cookie },
        });
        sockets.add(socket);
        socket.on('message', (data: Buffer) => listener(JSON.parse(data.toString()) as StreamMessage));
        return () => socket.close();
      },
    },
    async get(url) {
      const response = await fetch(`${origin}${url}`, { headers: { cookie } });
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
    },
    async close() {
      for (const socket of sockets) socket.terminate();
      await host.close();
    },
  };
});
