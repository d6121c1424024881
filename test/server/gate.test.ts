import { createHash } from 'node:crypto';
import { mkdtemp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import { createApplication, type Application } from '../../src/app/application.js';
import { Access } from '../../src/server/access.js';
import { isOwnHost, originRules } from '../../src/server/origin.js';
import { startWebHost, type WebHost } from '../../src/server/startWebHost.js';
import { FakeEngines } from '../jobs/fakeEngine.js';
import { signIn } from './signIn.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
let app: Application;
let host: WebHost;
let origin: string;
let cookie: string;
const lines: string[] = [];
const spent: string[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-gate-'));
  await mkdir(join(root, 'page'));
  await writeFile(join(root, 'page', 'index.html'), '<!doctype html><title>page</title>');
  await writeFile(join(root, 'secret.txt'), 'secret');
  const { spawn } = new FakeEngines();
  app = await createApplication({ host: 'web', dataFolder: join(root, 'data'), roots: [root], spawn });
  host = await startWebHost({ app, port: 0, pageFolder: join(root, 'page'), log: (line) => lines.push(line) });
  origin = `http://127.0.0.1:${host.port}`;
  spent.push(host.url());
  cookie = await signIn(host.url());
});
afterAll(async () => {
  await host.close();
  await app.close();
  await removeFolder(root);
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** A request with exactly these headers; `fetch` would not let a test choose its Host. */
function send(method: string, path: string, headers: Record<string, string>, body?: string): Promise<Answer> {
  return new Promise((done, fail) => {
    const sent = request({ host: '127.0.0.1', port: host.port, method, path, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        done({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts).toString() }),
      );
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

const own = () => ({ host: `127.0.0.1:${host.port}`, origin, cookie, 'content-type': 'application/json' });
const info = (headers: Record<string, string>) => send('POST', '/api/call/app.info', headers, '{}');
const code = ({ body }: Answer) => (JSON.parse(body) as { error: { code: string } }).error.code;

it('lets its own page in', async () => {
  const answer = await info(own());
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toMatchObject({ ok: true });
  expect((await send('GET', '/', own())).body).toContain('<title>page</title>');
  // Through a tunnel the port is another one.
  expect((await info({ ...own(), host: 'localhost:9000', origin: 'http://localhost:9000' })).status).toBe(200);
});

it.each([
  ['another site', 'https://evil.example'],
  ['another port', 'http://127.0.0.1:1'],
  ['no origin of its own', 'null'],
  ['a longer name', 'http://127.0.0.1.evil.example'],
])('refuses commands from %s', async (_, foreign) => {
  const answer = await info({ ...own(), origin: foreign });
  expect([answer.status, code(answer)]).toEqual([403, 'ORIGIN_REFUSED']);
});

it('refuses commands that do not say where they come from', async () => {
  const { host, cookie, 'content-type': type } = own();
  expect(code(await info({ host, cookie, 'content-type': type }))).toBe('ORIGIN_REFUSED');
});

it.each(['evil.example', '127.0.0.1.evil.example', '127.1', 'localhost@evil.example', 'localhost:80:80'])(
  'refuses the host name "%s", even if its page and its origin agree',
  async (name) => {
    const answer = await info({ ...own(), host: name, origin: `http://${name}` });
    expect([answer.status, code(answer)]).toEqual([403, 'HOST_REFUSED']);
    expect(code(await send('GET', '/', { ...own(), host: name }))).toBe('HOST_REFUSED');
  },
);

it('refuses whoever has no session, on every route', async () => {
  for (const cookies of ['', `stepadapt-0=${'0'.repeat(32)}`]) {
    const headers = { ...own(), cookie: cookies };
    expect((await info(headers)).status).toBe(401);
    for (const path of ['/', '/index.html', '/api/image/x', '/api/events', '/missing']) {
      expect((await send('GET', path, headers)).status, path).toBe(401);
    }
  }
});

it('takes a token once, and leaves no trace of it', async () => {
  const answer = await send('GET', new URL(spent[0]).pathname + new URL(spent[0]).search, { host: own().host });
  expect([answer.status, code(answer)]).toEqual([403, 'TOKEN_REFUSED']);
  expect(answer.headers['set-cookie']).toBeUndefined();
  const next = new URL(host.url());
  expect(next.href).not.toBe(spent[0]);
  const wrong = await send('GET', `/?token=${'0'.repeat(32)}`, { host: own().host });
  expect(code(wrong)).toBe('TOKEN_REFUSED');
  const right = await send('GET', next.pathname + next.search, { host: own().host });
  expect([right.status, right.headers.location]).toEqual([303, '/']);
  expect(String(right.headers['set-cookie'])).toMatch(/HttpOnly/);
  expect(String(right.headers['set-cookie'])).toMatch(/SameSite=Strict/);
  for (const secret of [spent[0], next.href].map((url) => new URL(url).searchParams.get('token')!)) {
    expect(lines.join('\n')).not.toContain(secret);
  }
});

it('sends its policy with every answer, without unsafe parts', async () => {
  for (const answer of [await send('GET', '/', own()), await info({ ...own(), cookie: '' })]) {
    const policy = String(answer.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/unsafe|\*|http:/);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  }
});

it('refuses bodies that are too large or not JSON', async () => {
  const large = await send('POST', '/api/call/app.info', own(), JSON.stringify({ text: 'x'.repeat(2 << 20) }));
  expect(large.status).toBe(413);
  expect((await send('POST', '/api/call/app.info', { ...own(), 'content-type': 'text/plain' }, 'x=1')).status).toBe(
    415,
  );
  expect((await send('POST', '/api/call/app.info', own(), '{"a":')).status).toBe(400);
});

it('gives no file from outside, by any spelling or link', async () => {
  await symlink(join(root, 'secret.txt'), join(root, 'page', 'link.txt')).catch(() => undefined);
  const made = await app.call('projects.create', { name: 'p', preset: 'shapes-tiny' });
  if (!made.ok) throw new Error(made.error.message);
  const { id } = made.value;
  await mkdir(join(root, 'p/stages/base/samples'), { recursive: true });
  await symlink(join(root, 'secret.txt'), join(root, 'p/stages/base/samples/step-1.png'));
  for (const path of [
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/..%5csecret.txt',
    '//etc/passwd',
    '/link.txt/..%2f..%2fsecret.txt',
    `/api/image/${id}~base~step-1`,
    `/api/image/${id}~base~..%2f..%2f..%2f..%2fsecret`,
    `/api/report/${id}/..%2f..%2f/secret.txt`,
  ]) {
    const answer = await send('GET', path, own());
    expect(answer.body, path).not.toContain('secret');
    expect(answer.status, path).toBeGreaterThanOrEqual(400);
  }
});

it('shows reports without any right, and gives other files as downloads', async () => {
  const made = await app.call('projects.create', { name: 'r', preset: 'shapes-tiny' });
  if (!made.ok) throw new Error(made.error.message);
  const folder = join(root, 'r/reports/2026-01-01');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'report.html'), '<style>p { color: red }</style><script>alert(1)</script>');
  await writeFile(join(folder, 'ledger.csv'), 'a,b\n');
  const page = await send('GET', `/api/report/${made.value.id}/2026-01-01/report.html`, own());
  expect(page.status).toBe(200);
  expect(page.headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
  const hash = createHash('sha256').update('p { color: red }').digest('base64');
  expect(page.headers['content-security-policy']).toContain(`style-src 'sha256-${hash}'`);
  expect(page.headers['content-security-policy']).not.toMatch(/allow-scripts|unsafe/);
  const table = await send('GET', `/api/report/${made.value.id}/2026-01-01/ledger.csv`, own());
  expect(table.headers['content-disposition']).toMatch(/^attachment/);
  expect(table.headers['content-type']).toMatch(/^text\/csv/);
});

/** Whether a socket opens with these headers. */
function opens(headers: Record<string, string>): Promise<boolean> {
  return new Promise((done) => {
    const socket = new WebSocket(`ws://127.0.0.1:${host.port}/api/events`, { headers });
    socket.on('open', () => {
      socket.terminate();
      done(true);
    });
    socket.on('error', () => done(false));
  });
}

it('opens the stream to its own page alone', async () => {
  expect(await opens({ origin, cookie })).toBe(true);
  expect(await opens({ origin: 'https://evil.example', cookie })).toBe(false);
  expect(await opens({ origin: 'null', cookie })).toBe(false);
  expect(await opens({ cookie })).toBe(false);
  expect(await opens({ origin })).toBe(false);
  expect(await opens({ origin: 'http://evil.example', host: 'evil.example', cookie })).toBe(false);
});

it('ends a socket that sends more than it may', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${host.port}/api/events`, { headers: { origin, cookie } });
  await new Promise((done) => socket.on('open', done));
  const closed = new Promise<number>((done) => socket.on('close', done));
  socket.send('x'.repeat(100_000));
  expect(await closed).toBe(1009);
});

it('does not listen to other machines without being told twice', async () => {
  const base = { app, port: 0, pageFolder: join(root, 'page'), log: () => undefined };
  await expect(startWebHost({ ...base, host: '0.0.0.0' })).rejects.toMatchObject({ code: 'HOST_NEEDS_TOKEN' });
  await expect(startWebHost({ ...base, host: '0.0.0.0', token: 'short' })).rejects.toMatchObject({
    code: 'TOKEN_TOO_SHORT',
  });
  await expect(startWebHost({ ...base, pageFolder: join(root, 'nowhere') })).rejects.toMatchObject({
    code: 'WINDOW_NOT_BUILT',
  });
  await expect(startWebHost({ ...base, port: host.port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  const open = await startWebHost({ ...base, host: '0.0.0.0', token: 'a1'.repeat(16) });
  expect(open.url()).toContain('a1'.repeat(16));
  await open.close();
});

it('a host that only shows refuses every command that changes something', async () => {
  const shown = await startWebHost({
    app,
    port: 0,
    pageFolder: join(root, 'page'),
    isReadOnly: true,
    log: () => undefined,
  });
  const session = await signIn(shown.url());
  const call = (name: string) =>
    fetch(`http://127.0.0.1:${shown.port}/api/call/${name}`, {
      method: 'POST',
      headers: { origin: `http://127.0.0.1:${shown.port}`, cookie: session, 'content-type': 'application/json' },
      body: '{}',
    });
  expect((await call('app.info')).status).toBe(200);
  for (const name of ['queue.pause', 'settings.set', 'runs.start', 'projects.create', 'toString']) {
    expect((await call(name)).status, name).toBe(403);
  }
  await shown.close();
});

it('secrets differ, and a session is nothing but itself', () => {
  const access = new Access();
  const first = access.currentToken;
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  const session = access.exchange(first)!;
  expect(access.isSession(session)).toBe(true);
  for (const wrong of [undefined, '', first, session.slice(1), `${session}0`])
    expect(access.isSession(wrong)).toBe(false);
  expect(access.exchange(first)).toBeNull();
  expect(access.currentToken).not.toBe(first);
});

it('names of its own are compared whole', () => {
  const rules = originRules(['studio.lan']);
  for (const name of ['localhost', 'LOCALHOST:1', '127.0.0.1:7333', '[::1]:7333', 'studio.lan']) {
    expect(isOwnHost(name, rules), name).toBe(true);
  }
  for (const name of [undefined, 'a.studio.lan', 'studio.lan.evil', '::1', '[::1', '127.0.0.2', 'localhost/x']) {
    expect(isOwnHost(name, rules), String(name)).toBe(false);
  }
});
