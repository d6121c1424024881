import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findDesktop } from '../../src/cli/commands/app.js';
import { signIn } from '../server/signIn.js';
import { removeFolder } from '../removeFolder.js';

const ENTRY = resolve(import.meta.dirname, '../../build/stepadapt.mjs');
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-serve-'));
});
afterAll(() => removeFolder(root));

function start(...args: string[]) {
  const env = { ...process.env, STEPADAPT_HOME: join(root, 'home') };
  const child = spawn(process.execPath, [ENTRY, 'serve', '--port', '0', '--root', root, '--json', ...args], { env });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const line = new Promise<string>((done) => child.stdout.once('data', (data: Buffer) => done(data.toString())));
  return { child, closed, line };
}

it('serves the window until it is stopped, one host at a time', { timeout: 600_000 }, async () => {
  const host = start();
  const { url, port } = JSON.parse(await host.line) as { url: string; port: number };
  const cookie = await signIn(url);
  const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { cookie } });
  expect(page.headers.get('content-type')).toMatch(/^text\/html/);
  const html = await page.text();
  const script = /src="([^"]+\.js)"/.exec(html)![1];
  const code = await fetch(new URL(script, `http://127.0.0.1:${port}/`), { headers: { cookie } });
  expect(code.headers.get('content-type')).toMatch(/javascript/);

  const second = start();
  expect(JSON.parse(await second.line)).toMatchObject({ error: { code: 'APP_RUNNING' } });
  expect((await second.closed)[0]).toBe(1);

  host.child.kill('SIGINT');
  expect((await host.closed)[0]).toBe(0);
});

it('refuses to be reached from elsewhere without a token', { timeout: 240_000 }, async () => {
  const host = start('--host', '0.0.0.0');
  expect(JSON.parse(await host.line)).toMatchObject({ error: { code: 'HOST_NEEDS_TOKEN' } });
  expect((await host.closed)[0]).toBe(2);
});

it('says why there is no desktop window', () => {
  expect(findDesktop(root, {}, 'linux')).toEqual({ reason: 'there is no display' });
  expect(findDesktop(root, { DISPLAY: ':0' }, 'linux')).toEqual({ reason: 'the desktop part is not compiled' });
});
