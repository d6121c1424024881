import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { registerAppScheme, serveApp } from '../../electron/appProtocol.js';
import { protocol, resetElectron, session } from './electronMock.js';
import { memoryLog } from './memoryLog.js';
import { removeFolder } from '../removeFolder.js';

vi.mock('electron', () => import('./electronMock.js'));

let folder: string;
let get: (url: string, init?: RequestInit) => Promise<Response>;

beforeEach(() => {
  resetElectron();
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-protocol-'));
  mkdirSync(join(folder, 'page', 'assets'), { recursive: true });
  mkdirSync(join(folder, 'page-secret'));
  writeFileSync(join(folder, 'page', 'index.html'), '<title>page</title>');
  writeFileSync(join(folder, 'page', 'assets', 'app.js'), 'export {};');
  writeFileSync(join(folder, 'page', 'assets', 'app.exe'), 'MZ');
  writeFileSync(join(folder, 'page-secret', 'secret.json'), '"secret"');
  writeFileSync(join(folder, 'secret.json'), '"secret"');
  symlinkSync(join(folder, 'secret.json'), join(folder, 'page', 'link.json'));
  symlinkSync(join(folder, 'page-secret'), join(folder, 'page', 'linked'));
  const projectFile = async (pathname: string) => {
    if (pathname === '/api/image/1') return { name: '1.png', bytes: new Uint8Array([137, 80]), isDownload: false };
    if (pathname === '/api/table/1') return { name: 'tablé 1.csv', bytes: new Uint8Array([97]), isDownload: true };
    if (pathname === '/api/torn') throw new Error('the disk is gone');
    return null;
  };
  serveApp(session.defaultSession as never, { page: join(folder, 'page'), projectFile }, memoryLog().log);
  get = (url, init) => session.defaultSession.schemes.get('app')!(new Request(url, init));
});
afterEach(() => removeFolder(folder));

describe('the app scheme', () => {
  it('has an origin and fetch, and no way around the policy', () => {
    registerAppScheme();
    expect(protocol.privileged).toEqual([
      { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
    ]);
  });

  it('serves the page and its parts with fixed types', async () => {
    const page = await get('app://stepadapt/');
    expect(await page.text()).toBe('<title>page</title>');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const script = await get('app://stepadapt/assets/app.js?v=1#top');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('sends a policy that starts from nothing and has no unsafe part', async () => {
    const policy = (await get('app://stepadapt/')).headers.get('content-security-policy')!;
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  it.each([
    'app://stepadapt/../secret.json',
    'app://stepadapt/..%2fsecret.json',
    'app://stepadapt/%2e%2e/secret.json',
    'app://stepadapt/%2e%2e%2fsecret.json',
    'app://stepadapt/..%5csecret.json',
    'app://stepadapt/assets/..%2f..%2fpage-secret/secret.json',
    'app://stepadapt/..%2fpage-secret%2fsecret.json',
    'app://stepadapt/link.json',
    'app://stepadapt/linked/secret.json',
    'app://stepadapt/%00',
    'app://stepadapt/%zz',
    'app://stepadapt/assets/app.exe',
    'app://stepadapt/assets',
    'app://stepadapt/nothing.js',
    'app://elsewhere/index.html',
    'app://stepadapt.example/index.html',
    'app://stepadapt:80/index.html',
  ])('has nothing at %s', async (url) => {
    const response = await get(url);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain('secret');
  });

  it.each(['POST', 'PUT', 'DELETE', 'HEAD'])('does not answer %s', async (method) => {
    expect((await get('app://stepadapt/', { method })).status).toBe(405);
  });

  it('serves project files by id: images in the page, the rest to save', async () => {
    const image = await get('app://stepadapt/api/image/1');
    expect(image.headers.get('content-type')).toBe('image/png');
    expect(image.headers.get('content-disposition')).toBeNull();
    expect(new Uint8Array(await image.arrayBuffer())).toEqual(new Uint8Array([137, 80]));
    const table = await get('app://stepadapt/api/table/1');
    expect(table.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''tabl%C3%A9%201.csv");
  });

  it('has nothing where the application has nothing, or fails', async () => {
    expect((await get('app://stepadapt/api/image/2')).status).toBe(404);
    expect((await get('app://stepadapt/api/torn')).status).toBe(404);
  });
});
