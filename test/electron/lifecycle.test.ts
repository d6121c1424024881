import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { handleCrashes } from '../../electron/crashes.js';
import { findEngineRuntime, type HostFacts } from '../../electron/engineRuntime.js';
import { openLog } from '../../electron/logs.js';
import { manageQuit } from '../../electron/quitting.js';
import { openReport } from '../../electron/reports.js';
import { update } from '../../electron/updates.js';
import { app, BrowserWindow, dialog, preventable, resetElectron, shell } from './electronMock.js';
import { eventually } from './eventually.js';
import { memoryLog } from './memoryLog.js';
import { removeFolder } from '../removeFolder.js';

vi.mock('electron', () => import('./electronMock.js'));

const updater = vi.hoisted(() => ({
  autoDownload: true,
  autoInstallOnAppQuit: true,
  logger: null as unknown,
  checkForUpdates: vi.fn(async () => ({ isUpdateAvailable: true, updateInfo: { version: '9.9.9' } })),
  downloadUpdate: vi.fn(async () => undefined),
  quitAndInstall: vi.fn(),
}));
vi.mock('electron-updater', () => ({ default: { autoUpdater: updater } }));

const place = { x: 0, y: 0, width: 800, height: 600 };
const { log } = memoryLog();
let folder: string;

beforeEach(() => {
  resetElectron();
  vi.clearAllMocks();
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-lifecycle-'));
});
afterEach(() => removeFolder(folder));

describe.skipIf(process.platform === 'darwin')('quitting', () => {
  const open = (isBusy: boolean) => {
    const state = { isBusy };
    const close = vi.fn(async () => undefined);
    const quitting = manageQuit({ isBusy: () => state.isBusy, close, log });
    return { state, close, quitting, window: new BrowserWindow(place) };
  };

  it('closes the application before the process ends', async () => {
    app.mayQuit = true;
    const { window, close } = open(false);
    window.close();
    expect(close).toHaveBeenCalledOnce();
    expect(app.exitCode).toBeNull();
    await eventually(() => expect(app.exitCode).toBe(0));
  });

  it('lets a job go on when its window closes, and ends with it', async () => {
    const { state, window, close, quitting } = open(true);
    dialog.answers.push(1);
    window.close();
    expect(close).not.toHaveBeenCalled();
    state.isBusy = false;
    app.mayQuit = true;
    quitting.onIdle();
    await eventually(() => expect(app.exitCode).toBe(0));
    expect(close).toHaveBeenCalledOnce();
  });

  it('stops a job only after a question, asked once', async () => {
    app.mayQuit = true;
    const { window, close } = open(true);
    dialog.answers.push(0);
    window.close();
    await eventually(() => expect(app.exitCode).toBe(0));
    expect(close).toHaveBeenCalledOnce();
    expect(dialog.asked).toHaveLength(1);
  });

  it('stays when the user does not want to quit', () => {
    app.mayQuit = true;
    const { close } = open(true);
    dialog.answers.push(1);
    app.quit();
    expect(app.quits).toBe(0);
    expect(close).not.toHaveBeenCalled();
  });

  it('stays for an open window when jobs end', () => {
    open(false).quitting.onIdle();
    expect(app.quits).toBe(0);
  });

  it('ends although the application does not close cleanly', async () => {
    app.mayQuit = true;
    manageQuit({ isBusy: () => false, close: () => Promise.reject(new Error('the disk is gone')), log });
    app.quit();
    await eventually(() => expect(app.exitCode).toBe(0));
  });
});

describe('crashes', () => {
  afterEach(() => {
    process.removeAllListeners('uncaughtException');
    process.removeAllListeners('unhandledRejection');
  });

  it('loads a crashed page again, but not for ever', async () => {
    const window = new BrowserWindow(place);
    let at = 0;
    handleCrashes({ log, currentWindow: () => window as never, now: () => at });
    const crash = () => app.emit('render-process-gone', {}, window.webContents, { reason: 'crashed' });
    for (let count = 0; count < 3; count++) crash();
    expect(window.webContents.reloads).toBe(3);
    dialog.answers.push(0);
    crash();
    expect(window.webContents.reloads).toBe(3);
    expect(dialog.asked).toHaveLength(1);
    at = 120_000;
    crash();
    expect(window.webContents.reloads).toBe(4);
  });

  it('leaves other pages and clean exits alone', () => {
    const window = new BrowserWindow(place);
    handleCrashes({ log, currentWindow: () => window as never });
    app.emit('render-process-gone', {}, window.webContents, { reason: 'clean-exit' });
    app.emit('render-process-gone', {}, new BrowserWindow(place).webContents, { reason: 'crashed' });
    expect(window.webContents.reloads).toBe(0);
  });

  it('logs the end of other processes', () => {
    const memory = memoryLog();
    handleCrashes({ log: memory.log, currentWindow: () => null });
    app.emit('child-process-gone', {}, { type: 'GPU', reason: 'crashed' });
    expect(memory.lines).toMatchObject([{ level: 50, details: { type: 'GPU', reason: 'crashed' } }]);
  });
});

describe('the log', () => {
  it('is on disk at once, as JSON lines with the cause of errors', () => {
    openLog(folder).error({ error: new Error('no space') }, 'could not save');
    const line = JSON.parse(readFileSync(join(folder, 'main.log'), 'utf8')) as Record<string, unknown>;
    expect(line).toMatchObject({ level: 50, msg: 'could not save', error: { message: 'no space' } });
  });

  it('begins a new file when one is full, and keeps five', async () => {
    const small = openLog(folder, 500);
    for (let count = 0; count < 60; count++) {
      small.info({ count }, 'x'.repeat(80));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(readdirSync(folder).sort()).toEqual(['main.1.log', 'main.2.log', 'main.3.log', 'main.4.log', 'main.log']);
    const texts = ['main.4.log', 'main.3.log', 'main.2.log', 'main.1.log', 'main.log'].map((name) =>
      readFileSync(join(folder, name), 'utf8'),
    );
    const counts = texts
      .join('')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { count: number }).count);
    expect(counts).toEqual(Array.from({ length: counts.length }, (_, index) => 60 - counts.length + index));
    for (const text of texts) expect(text.length).toBeLessThan(500 + 200);
  });

  it('goes on with the file of the last start', () => {
    openLog(folder).info('first');
    openLog(folder).info('second');
    expect(readFileSync(join(folder, 'main.log'), 'utf8').trim().split('\n')).toHaveLength(2);
  });
});

describe('updates', () => {
  const options = { isBusy: () => false, confirm: vi.fn(async () => true), log };
  const feedFile = () => {
    writeFileSync(join(folder, 'app-update.yml'), 'provider: generic');
    return join(folder, 'app-update.yml');
  };

  it('are off without a feed', async () => {
    expect(await update({ ...options, feedFile: join(folder, 'none.yml') })).toBe('off');
    expect(updater.checkForUpdates).not.toHaveBeenCalled();
  });

  it('do nothing while a job runs', async () => {
    expect(await update({ ...options, feedFile: feedFile(), isBusy: () => true })).toBe('busy');
    expect(updater.checkForUpdates).not.toHaveBeenCalled();
  });

  it('install nothing under a job that began during the download', async () => {
    let isBusy = false;
    updater.downloadUpdate.mockImplementationOnce(async () => void (isBusy = true));
    expect(await update({ ...options, feedFile: feedFile(), isBusy: () => isBusy })).toBe('busy');
    expect(updater.quitAndInstall).not.toHaveBeenCalled();
  });

  it('are fetched and installed only if the user agrees, never by themselves', async () => {
    expect(await update({ ...options, feedFile: feedFile(), confirm: async () => false })).toBe('declined');
    expect(updater.downloadUpdate).not.toHaveBeenCalled();
    expect(await update({ ...options, feedFile: feedFile() })).toBe('installing');
    expect(updater).toMatchObject({ autoDownload: false, autoInstallOnAppQuit: false });
    expect(updater.quitAndInstall).toHaveBeenCalledOnce();
  });
});

describe('the runtime of the engine', () => {
  const host = (more: Partial<HostFacts>): HostFacts => ({
    isPackaged: true,
    resourcesFolder: folder,
    programFolder: join(folder, 'app.asar', 'dist'),
    platform: 'linux',
    env: {},
    ...more,
  });

  it('in a checkout is the Node that started the app', () => {
    const checkout = host({
      isPackaged: false,
      programFolder: '/checkout/dist',
      env: { STEPADAPT_NODE: '/usr/bin/node' },
    });
    expect(findEngineRuntime(checkout)).toEqual({
      execPath: '/usr/bin/node',
      entry: join('/checkout/dist', 'src', 'jobs', 'engineProcess.js'),
      engineHome: null,
    });
    expect(findEngineRuntime({ ...checkout, env: {} }).execPath).toBe('node');
  });

  it('in a package comes with it, outside the archive, and cannot be replaced from outside', () => {
    mkdirSync(join(folder, 'node', 'bin'), { recursive: true });
    mkdirSync(join(folder, 'engines'));
    writeFileSync(join(folder, 'node', 'bin', 'node'), '');
    const runtime = findEngineRuntime(host({ env: { STEPADAPT_NODE: '/tmp/evil' } }));
    expect(runtime).toEqual({
      execPath: join(folder, 'node', 'bin', 'node'),
      entry: join(folder, 'app.asar.unpacked', 'dist', 'src', 'jobs', 'engineProcess.js'),
      engineHome: null,
    });
    writeFileSync(join(folder, 'engines', 'active.json'), '{}');
    expect(findEngineRuntime(host({})).engineHome).toBe(join(folder, 'engines'));
  });

  it('says so when it is lost', () => {
    expect(() => findEngineRuntime(host({ platform: 'win32' }))).toThrowError(/node\.exe is not there/);
  });
});

describe('reports', () => {
  const url = 'app://stepadapt/api/report/0123456789abcdef/2026-01-01-abc/report.html';

  it('open as a copy in the browser', async () => {
    app.setPath('temp', folder);
    const read = vi.fn(async () => ({ name: 'report.html', bytes: Buffer.from('<p>report'), isDownload: false }));
    expect(openReport(url, read, log)).toBe(true);
    await eventually(() => expect(shell.opened).toHaveLength(1));
    expect(read).toHaveBeenCalledWith('/api/report/0123456789abcdef/2026-01-01-abc/report.html');
    expect(readFileSync(shell.opened[0]!, 'utf8')).toBe('<p>report');
  });

  it.each([
    'https://stepadapt/api/report/0123456789abcdef/a/report.html',
    'app://elsewhere/api/report/0123456789abcdef/a/report.html',
    'app://stepadapt/api/report/0123456789abcdef/..%2fa/report.html',
    'app://stepadapt/api/report/0123456789abcdef/a/other.html',
    'app://stepadapt/api/image/0123456789abcdef',
  ])('are not what %s names', (other) => {
    const read = vi.fn(async () => null);
    expect(openReport(other, read, log)).toBe(false);
    expect(read).not.toHaveBeenCalled();
  });

  it('that are gone are logged, not opened', async () => {
    app.setPath('temp', folder);
    const memory = memoryLog();
    expect(openReport(url, async () => null, memory.log)).toBe(true);
    await eventually(() => expect(memory.messages()).toEqual(['the report could not be opened']));
    expect(shell.opened).toEqual([]);
  });
});

describe('the stand-in', () => {
  it('fails a test whose app quits unexpectedly', () => {
    expect(() => app.quit()).toThrow('unexpected app.quit');
    expect(preventable().defaultPrevented).toBe(false);
  });
});
