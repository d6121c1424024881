import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { StreamMessage } from '../../src/contract/api.js';
import type { ProjectView } from '../../src/contract/projectViews.js';
import {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  mockFrame,
  nativeTheme,
  protocol,
  resetElectron,
  session,
  shell,
} from './electronMock.js';
import { eventually } from './eventually.js';
import { loadPreload } from './loadPreload.js';
import { removeFolder } from '../removeFolder.js';

vi.mock('electron', () => import('./electronMock.js'));

/** Main process, compiled preload script, contract and application together; the stand-in plays Electron. */
let folder: string;
let window: BrowserWindow;
let page: ReturnType<typeof loadPreload>;
let project: ProjectView;
const realArguments = process.argv;

beforeAll(async () => {
  resetElectron();
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-desktop-'));
  vi.stubEnv('STEPADAPT_HOME', folder);
  for (const name of ['logs', 'documents', 'temp']) app.paths.set(name, join(folder, name));
  Object.assign(process, { resourcesPath: join(folder, 'resources') });
  process.argv = ['electron', 'main.js'];
  await import('../../electron/main.js');
  await eventually(() => expect(BrowserWindow.all).toHaveLength(1));
  window = BrowserWindow.all[0]!;
  page = loadPreload(window);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  process.argv = realArguments;
  process.removeAllListeners('uncaughtException');
  process.removeAllListeners('unhandledRejection');
  await removeFolder(folder);
});

describe('the desktop host', () => {
  it('opens one sandboxed window on our page, with the scheme known beforehand', () => {
    expect(app.isSandboxed).toBe(true);
    expect(protocol.privileged.map(({ scheme }) => scheme)).toEqual(['app']);
    expect(window.url).toBe('app://stepadapt/');
    expect(window.options['webPreferences']).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    });
  });

  it('gives the page verbs and nothing of Electron', () => {
    expect(Object.keys(page.exposed)).toEqual(['stepadapt']);
    expect(Object.keys(page.bridge).sort()).toEqual(['call', 'chooseProject', 'onOpenProject', 'subscribe']);
    for (const verb of Object.values(page.bridge)) expect(verb).toBeTypeOf('function');
  });

  it('carries out commands of the contract', async () => {
    expect(await page.bridge.call('app.info', {})).toMatchObject({ ok: true, value: { host: 'desktop' } });
    const created = await page.bridge.call('projects.create', { name: 'first', preset: 'shapes-tiny' });
    if (!created.ok) throw new Error(created.error.message);
    project = created.value;
    expect(project.config.data.source).toBe('shapes');
  });

  it('answers bad requests with words', async () => {
    const missing = await page.bridge.call('projects.open', { path: join(folder, 'none.stepadapt') });
    expect(missing).toMatchObject({ ok: false, error: { code: expect.any(String), hint: expect.any(String) } });
    const malformed = await page.bridge.call('projects.open', { id: 'no id' });
    expect(malformed).toMatchObject({ ok: false, error: { code: 'BAD_PARAMETERS' } });
  });

  it('does not listen to a frame inside the page', async () => {
    const inner = {
      sender: window.webContents,
      senderFrame: mockFrame('app://stepadapt/', window.webContents.mainFrame),
    };
    expect(await ipcMain.invoke(inner, 'stepadapt:call', 'app.info', {})).toMatchObject({ ok: false });
  });

  it('streams events through a port until the page has enough', async () => {
    const messages: StreamMessage[] = [];
    const stop = page.bridge.subscribe((message) => messages.push(message));
    await eventually(() => expect(messages[0]).toMatchObject({ type: 'hello', epoch: expect.any(String) }));
    await page.bridge.call('queue.pause', {});
    await eventually(() => expect(JSON.stringify(messages)).toContain('"paused":true'));
    stop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const heard = messages.length;
    await page.bridge.call('queue.resume', {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(messages).toHaveLength(heard);
  });

  it('chooses projects by the native dialog', async () => {
    dialog.answers.push({ canceled: true, filePaths: [] }, { canceled: false, filePaths: ['/x/a.stepadapt'] });
    expect(await page.bridge.chooseProject()).toBeNull();
    expect(await page.bridge.chooseProject()).toBe('/x/a.stepadapt');
    expect(dialog.asked[0]!.options).toMatchObject({ filters: [{ extensions: ['stepadapt'] }] });
  });

  it('shows recent projects in the menu, and documents that came before the page', async () => {
    await eventually(() => expect(Menu.find('first')).toBeDefined());
    Menu.find('first')!.click!({}, window);
    const opened: unknown[] = [];
    const stop = page.bridge.onOpenProject((wanted) => opened.push(wanted));
    expect(opened).toEqual([{ id: project.id }]);
    const dropped = { path: join(folder, 'documents', 'StepAdapt', 'first', 'first.stepadapt') };
    const drop = { preventDefault: vi.fn(), dataTransfer: { files: [dropped, { path: '/etc/passwd' }] } };
    page.dispatch('drop', drop);
    expect(drop.preventDefault).toHaveBeenCalled();
    expect(opened).toEqual([{ id: project.id }, { path: dropped.path }]);
    stop();
  });

  it('presses the keys of the page from the menu', () => {
    Menu.find('Design')!.click!({}, window);
    expect(window.webContents.pressed.map(({ type, keyCode }) => [type, keyCode])).toEqual([
      ['keyDown', '2'],
      ['keyUp', '2'],
    ]);
    expect(Menu.find('pause')).toMatchObject({ enabled: false });
  });

  it('follows the theme of the settings', async () => {
    await page.bridge.call('settings.set', { theme: 'dark' });
    expect(nativeTheme.themeSource).toBe('dark');
  });

  it("keeps the key of a language model by the system's means, and never gives it back to the page", async () => {
    const KEY = 'sk-planted-89abcdef';
    const given = { key: KEY, address: 'https://models.example/v1' };
    const stored = {
      ok: true,
      value: { source: 'stored', address: 'https://models.example', trouble: null, lost: null },
    };
    expect(await page.bridge.call('languageModelKey.set', given)).toEqual(stored);
    expect(await page.bridge.call('languageModelKey.get', {})).toEqual(stored);
    const bad = await page.bridge.call('languageModelKey.set', { ...given, key: `${KEY} ` });
    expect(bad).toMatchObject({ ok: false, error: { code: 'BAD_PARAMETERS' } });
    expect(JSON.stringify(bad)).not.toContain(KEY);
    const names = readdirSync(folder, { recursive: true }).map(String);
    expect(names).toContain(join('desktop', 'language-model-key.json'));
    for (const name of names) {
      const path = join(folder, name);
      if (statSync(path).isFile()) expect(readFileSync(path).includes(KEY), name).toBe(false);
    }
    expect(await page.bridge.call('languageModelKey.forget', {})).toMatchObject({ value: { source: null } });
    expect(readdirSync(join(folder, 'desktop'))).not.toContain('language-model-key.json');
  });

  it('serves the page, and nothing of a project without its id', async () => {
    const get = (url: string) => session.defaultSession.schemes.get('app')!(new Request(url));
    expect(await (await get('app://stepadapt/')).text()).toContain('<div id="app">');
    expect((await get(`app://stepadapt/api/image/${project.id}~base~step-0000001`)).status).toBe(404);
    expect((await get('app://stepadapt/api/image/..%2f..%2fsecret')).status).toBe(404);
  });

  it('hands listed links to the browser and opens no window', () => {
    const open = (url: string) => window.webContents.windowOpen!({ url });
    expect(open('https://arxiv.org/abs/2312.13307')).toEqual({ action: 'deny' });
    expect(open('https://example.com/')).toEqual({ action: 'deny' });
    expect(open(`app://stepadapt/api/report/${project.id}/none/report.html`)).toEqual({ action: 'deny' });
    expect(shell.opened).toEqual(['https://arxiv.org/abs/2312.13307']);
  });

  it('ends in order: the place is remembered, then the application is closed', async () => {
    app.mayQuit = true;
    window.bounds = { x: 10, y: 20, width: 1000, height: 700 };
    if (process.platform === 'darwin') app.quit();
    window.close();
    await eventually(() => expect(app.exitCode).toBe(0));
    const { readWindowPlace } = await import('../../electron/windowPlace.js');
    expect(readWindowPlace(join(folder, 'desktop', 'window.json'))?.bounds).toEqual(window.bounds);
  });
});
