import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import { createApplication, type Application } from '../../src/app/application.js';
import type { StreamMessage } from '../../src/contract/api.js';
import { startWebHost, type WebHost } from '../../src/server/startWebHost.js';
import { FakeEngines } from '../jobs/fakeEngine.js';
import { removeFolder } from '../removeFolder.js';
import { signIn } from './signIn.js';

/** What one side may take of the host: clients that are slow, silent, or many. */
let root: string;
let app: Application;
let host: WebHost;
let cookie: string;
/** Hands messages to every open stream, as the application does. */
let tell: (message: StreamMessage) => void;
let readers = 0;
const sockets = new Set<Socket>();
const CONNECTIONS = 1500;
const STREAMS = 3;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-limits-'));
  await mkdir(join(root, 'page'));
  await writeFile(join(root, 'page', 'index.html'), '<!doctype html>');
  const { spawn } = new FakeEngines();
  app = await createApplication({ host: 'web', dataFolder: join(root, 'data'), roots: [root], spawn });
  const listeners = new Set<(message: StreamMessage) => void>();
  tell = (message) => listeners.forEach((listener) => listener(message));
  const telling: Application = {
    ...app,
    subscribe(listener) {
      listener({ type: 'hello', epoch: 'e', seq: 0 });
      listeners.add(listener);
      readers += 1;
      return () => {
        if (listeners.delete(listener)) readers -= 1;
      };
    },
  };
  host = await startWebHost({
    app: telling,
    port: 0,
    pageFolder: join(root, 'page'),
    log: () => undefined,
    limits: { headersMs: 2000, requestMs: 2500, connections: CONNECTIONS, streams: STREAMS },
  });
  cookie = await signIn(host.url());
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});
afterAll(async () => {
  await host.close();
  await app.close();
  await removeFolder(root);
});

/** A bare connection, with all that comes back on it until the host closes it. */
function open(): { socket: Socket; opened: Promise<void>; closed: Promise<string> } {
  const socket = connect(host.port, '127.0.0.1');
  sockets.add(socket);
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => (text += part));
  const closed = new Promise<string>((done) => socket.on('error', () => undefined).on('close', () => done(text)));
  const opened = new Promise<void>((done) => socket.once('connect', () => done()));
  return { socket, opened, closed };
}

/**
 * Connections a hundred at a time: the system drops what is beyond its queue of unaccepted ones, and a client that says nothing never
 * learns of it.
 */
async function openMany(count: number): Promise<ReturnType<typeof open>[]> {
  const all: ReturnType<typeof open>[] = [];
  while (all.length < count) {
    const next = Array.from({ length: Math.min(100, count - all.length) }, open);
    await Promise.all(next.map(({ opened, closed }) => Promise.race([opened, closed])));
    all.push(...next);
  }
  return all;
}

const head = (lines: readonly string[]) =>
  ['POST /api/call/app.info HTTP/1.1', `Host: 127.0.0.1:${host.port}`, ...lines, ''].join('\r\n');
async function isResponsive(): Promise<boolean> {
  const origin = `http://127.0.0.1:${host.port}`;
  const headers = { origin, cookie, 'content-type': 'application/json', connection: 'close' };
  const response = await fetch(`${origin}/api/call/app.info`, { method: 'POST', headers, body: '{}' });
  return ((await response.json()) as { ok: boolean }).ok;
}

it('closes connections that say nothing, and those whose headers or body do not come to an end', async () => {
  const silent = open();
  const slow = open();
  slow.socket.write(head(['X-Slow: ']).slice(0, -2));
  const endless = open();
  const origin = `Origin: http://127.0.0.1:${host.port}`;
  const headers = [origin, `Cookie: ${cookie}`, 'Content-Type: application/json', 'Content-Length: 1000'];
  endless.socket.write(`${head(headers)}\r\n{`);
  const dripping = setInterval(() => {
    slow.socket.write('x');
    endless.socket.write(' ');
  }, 50);
  expect(await silent.closed).toMatch(/^(HTTP\/1.1 408|$)/);
  expect(await slow.closed).toMatch(/^HTTP\/1.1 408/);
  expect(await endless.closed).toMatch(/^HTTP\/1.1 408/);
  clearInterval(dripping);
});

it('refuses headers without end', async () => {
  const large = open();
  large.socket.write(head([`X-Large: ${'x'.repeat(40_000)}`]));
  expect(await large.closed).toMatch(/^HTTP\/1.1 431/);
});

it('answers while a thousand connections are open, closes what is beyond the bound, and recovers', async () => {
  const many = await openMany(1000);
  expect(await isResponsive()).toBe(true);
  const more = await openMany(1000);
  // Whatever is beyond the bound is closed at once, the rest when it has said nothing for too long.
  await Promise.all([...many, ...more].map(({ closed }) => closed));
  expect(await isResponsive()).toBe(true);
});

function stream(): WebSocket {
  const origin = `http://127.0.0.1:${host.port}`;
  return new WebSocket(`ws://127.0.0.1:${host.port}/api/events`, { headers: { origin, cookie } });
}

it('keeps no more event streams than it may', async () => {
  const opened = Array.from({ length: STREAMS }, stream);
  for (const socket of opened) await new Promise((done) => socket.once('message', done));
  const code = await new Promise<number>((done) => stream().on('close', done));
  expect(code).toBe(1013);
  const closed = opened.map((socket) => new Promise((done) => socket.on('close', done)));
  for (const socket of opened) socket.terminate();
  await Promise.all(closed);
  while (readers > 0) await new Promise((done) => setTimeout(done, 5));
});

it('lets a reader go that does not read, long before it costs much memory', async () => {
  const socket = stream();
  await new Promise((done) => socket.once('message', done));
  const closed = new Promise((done) => socket.on('close', done));
  // The reader stops reading at the TCP level: what is sent to it piles up.
  socket.pause();
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  const message = 'x'.repeat(256 << 10);
  const event = { type: 'pipeline', seq: 1, projectId: 'p', at: '', event: { type: 'log', level: 'info', message } };
  let sent = 0;
  while (readers > 0) {
    tell({ type: 'events', events: [event as never] });
    sent += message.length;
    // Unread, 64 MiB would be far beyond the 8 MiB of the bound and what the system's own buffers hold.
    expect(sent).toBeLessThan(64 << 20);
    await new Promise((done) => setImmediate(done));
  }
  const after = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  expect(after - before).toBeLessThan(64 << 20);
  socket.resume();
  await closed;
});
