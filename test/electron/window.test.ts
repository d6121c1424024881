import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Window } from 'happy-dom';
import { buildRenderer } from '../../build/renderer.mjs';
import { app, BrowserWindow, Menu, resetElectron } from './electronMock.js';
import { removeFolder } from '../removeFolder.js';
import { loadPreload } from './loadPreload.js';

vi.mock('electron', () => import('./electronMock.js'));

/**
 * The desktop as a whole, all of it real but Electron: main process, compiled preload script, and the built page with its
 * transport, stores and views. What it draws on a canvas is left to the browser tests.
 */

/** What these tests touch of the page; they are typed for Node. */
interface PageElement {
  readonly textContent: string | null;
  value: string;
  readonly disabled: boolean;
  click(): void;
  dispatchEvent(event: unknown): boolean;
}
const page = new Window({
  url: 'app://stepadapt/',
  width: 1280,
  height: 800,
  settings: { disableCSSFileLoading: true },
});
/** These exist in Node as well, but elements take their own kind alone. */
const OWN = new Set(['Event', 'CustomEvent', 'navigator', 'window', 'document', 'location', 'history']);

/** Makes the page's world the world of the script. What Node has, such as URLs and timers, stays Node's. */
function enterPage(): void {
  const names = new Set<string>();
  for (let from: object | null = page; from !== null && from !== Object.prototype; from = Object.getPrototypeOf(from))
    for (const name of Object.getOwnPropertyNames(from)) names.add(name);
  for (const name of names) {
    if (name in globalThis && !OWN.has(name)) continue;
    const value: unknown = Reflect.get(page, name);
    const isClass = typeof value === 'function' && /^[A-Z]/.test(name);
    vi.stubGlobal(name, typeof value === 'function' && !isClass ? value.bind(page) : value);
  }
  vi.stubGlobal('window', page);
  // A view waits for its style sheet; here nothing is seen, so none is read.
  const { head } = page.document;
  const append = head.appendChild.bind(head);
  head.appendChild = ((node: Parameters<typeof append>[0]) => {
    const appended = append(node);
    queueMicrotask(() => appended.dispatchEvent(new page.Event('load')));
    return appended;
  }) as typeof head.appendChild;
}

const PATIENCE = { timeout: 120_000, interval: 50 };
let folder: string;
const realArguments = process.argv;

beforeAll(async () => {
  await buildRenderer(() => undefined);
  resetElectron();
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-window-'));
  vi.stubEnv('STEPADAPT_HOME', folder);
  for (const name of ['logs', 'documents', 'temp']) app.paths.set(name, join(folder, name));
  mkdirSync(join(folder, 'documents'));
  Object.assign(process, { resourcesPath: join(folder, 'resources') });
  process.argv = ['electron', 'main.js'];
  await import('../../electron/main.js');
  await vi.waitFor(() => expect(BrowserWindow.all).toHaveLength(1), PATIENCE);

  Object.assign(page, { stepadapt: loadPreload(BrowserWindow.all[0]!).bridge });
  enterPage();
  page.document.body.innerHTML = '<div id="app"></div>';
  const assets = resolve(import.meta.dirname, '../../dist/renderer/assets');
  const entry = /src="\.\/assets\/([^"]+)"/.exec(readFileSync(join(assets, '../index.html'), 'utf8'))![1];
  expect(readdirSync(assets)).toContain(entry);
  await import(join(assets, entry));
}, 600_000);

afterAll(async () => {
  app.mayQuit = true;
  if (process.platform === 'darwin') app.quit();
  BrowserWindow.all[0]?.close();
  await vi.waitFor(() => expect(app.exitCode).toBe(0), PATIENCE);
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  process.argv = realArguments;
  process.removeAllListeners('uncaughtException');
  process.removeAllListeners('unhandledRejection');
  await removeFolder(folder);
});

const text = () => page.document.body.textContent;
const shows = (wanted: string) => vi.waitFor(() => expect(text()).toContain(wanted), PATIENCE);

function byText(selector: string, wanted: string): PageElement {
  const elements = [...page.document.querySelectorAll(selector)] as unknown as PageElement[];
  const found = elements.find((element) => element.textContent?.trim() === wanted);
  if (found === undefined) throw new Error(`the page has no ${selector} "${wanted}"`);
  return found;
}

/** The input, or select, of a label. */
function field(label: string): PageElement {
  const named = byText('label', label) as PageElement & { htmlFor: string };
  return page.document.querySelector(`[id="${named.htmlFor}"]`) as unknown as PageElement;
}

function type(label: string, value: string): void {
  const input = field(label);
  input.value = value;
  input.dispatchEvent(new page.Event('input', { bubbles: true }));
  input.dispatchEvent(new page.Event('change', { bubbles: true }));
}

describe('the window in the desktop host', () => {
  it('starts with what the main process knows', async () => {
    await shows('Nothing here yet');
    await vi.waitFor(() => expect(text()).toContain('shapes-tiny'), PATIENCE);
    expect(byText('button', 'Choose a file')).toBeDefined();
  });

  it('makes a project and shows its design', async () => {
    type('Name', 'naïve Größe 1');
    await vi.waitFor(() => expect(byText('button', 'Make the project').disabled).toBe(false), PATIENCE);
    byText('button', 'Make the project').click();
    await shows('Difficulty and groups');
    await shows('702 k parameters');
  });

  it('plans an edit anew and saves it by itself', async () => {
    type('Mean compute', '0.7');
    await shows('70.0 % of the base');
    const file = join(folder, 'documents', 'StepAdapt', 'naïve Größe 1', 'naïve Größe 1.stepadapt');
    await vi.waitFor(() => {
      const saved = JSON.parse(readFileSync(file, 'utf8')) as { config: { budget: { targetMean: number } } };
      expect(saved.config.budget.targetMean).toBe(0.7);
    }, PATIENCE);
    await shows('All edits are saved');
  });

  it('explains an impossible value in its place and keeps the file', async () => {
    type('Mean compute', '1.7');
    await shows('Not saved: the file keeps the last valid experiment');
    byText('button', 'Undo').click();
    await shows('All edits are saved');
  });

  it('hears the stream of events', async () => {
    byText('nav button', 'Queue').click();
    await shows('Hold the queue');
    byText('button', 'Hold the queue').click();
    await shows('Resume the queue');
    const { stepadapt } = page as unknown as { stepadapt: { call(name: string, params: object): Promise<unknown> } };
    // Not by the page: it learns of this from the stream alone.
    await stepadapt.call('queue.resume', {});
    await shows('Hold the queue');
  });

  it('opens a project that the menu asks for', async () => {
    byText('nav a', 'Start').click();
    await shows('Recent projects');
    await vi.waitFor(() => expect(Menu.find('naïve Größe 1')).toBeDefined(), PATIENCE);
    Menu.find('naïve Größe 1')!.click!({}, BrowserWindow.all[0]);
    await shows('Difficulty and groups');
  });

  it('follows the theme that the settings ask for', async () => {
    byText('nav a', 'Settings').click();
    await shows('Follow the system');
    const select = field('Colours');
    select.value = 'dark';
    select.dispatchEvent(new page.Event('change', { bubbles: true }));
    await vi.waitFor(() => expect(page.document.documentElement.dataset['theme']).toBe('dark'), PATIENCE);
  });
});
