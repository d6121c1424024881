import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findDesktop } from '../../src/cli/commands/app.js';
import type { DesktopBridge } from '../../src/contract/desktop.js';
import { removeFolder } from '../removeFolder.js';

/** The desktop window in real Electron. Only an unfused build can be driven; fuses are checked on the package. */

const root = resolve(import.meta.dirname, '../..');
const desktop = findDesktop(root, process.env, process.platform);
const reason = 'reason' in desktop ? desktop.reason : '';
if (reason !== '') process.stderr.write(`the desktop window is not tested: ${reason}\n`);

declare const window: { stepadapt: DesktopBridge; require?: unknown; process?: unknown; open(url: string): unknown };
declare const location: { href: string; assign(url: string): void };

describe.skipIf(reason !== '')(`the desktop window${reason === '' ? '' : ` (skipped: ${reason})`}`, () => {
  let folder: string;
  let electron: ElectronApplication;
  let page: Page;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stepadapt-electron-'));
    electron = await _electron.launch({
      executablePath: 'electron' in desktop ? desktop.electron : '',
      // In a container the sandbox has no user namespaces to build on.
      args: [root, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
      env: { ...process.env, STEPADAPT_HOME: folder, STEPADAPT_NODE: process.execPath } as Record<string, string>,
    });
    page = await electron.firstWindow();
    await page.waitForLoadState();
  });
  afterAll(async () => {
    await electron.close();
    await removeFolder(folder);
  });

  test('shows our page, which has the bridge and nothing of Node', async () => {
    expect(page.url()).toMatch(/^app:\/\/stepadapt\//);
    const found = await page.evaluate(() => ({
      bridge: Object.keys(window.stepadapt).sort(),
      node: [typeof window.require, typeof window.process],
    }));
    expect(found).toEqual({
      bridge: ['call', 'chooseProject', 'onOpenProject', 'subscribe'],
      node: ['undefined', 'undefined'],
    });
  });

  test('carries out commands and streams events', async () => {
    const info = await page.evaluate(() => window.stepadapt.call('app.info', {}));
    expect(info).toMatchObject({ ok: true, value: { host: 'desktop' } });
    const first = await page.evaluate(
      () => new Promise((done) => void window.stepadapt.subscribe((message) => done(message.type))),
    );
    expect(first).toBe('hello');
  });

  test('computes a plan with the engine of its own process', async () => {
    const engines = await page.evaluate(() => window.stepadapt.call('engines.list', {}));
    expect(engines.ok && engines.value.some(({ available }) => available)).toBe(true);
  });

  test('stays where it is', async () => {
    const before = page.url();
    await page.evaluate(() => location.assign('https://example.com/'));
    await page.evaluate(() => void window.open('https://example.com/'));
    await page.waitForTimeout(500);
    expect(page.url()).toBe(before);
    expect(electron.windows()).toHaveLength(1);
  });

  test('opens a project by the native dialog', async () => {
    const path = join(folder, 'a.stepadapt');
    await electron.evaluate(({ dialog }, chosen) => {
      dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [chosen] });
    }, path);
    expect(await page.evaluate(() => window.stepadapt.chooseProject())).toBe(path);
  });
});
