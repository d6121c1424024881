import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { _electron, chromium, type Browser, type Page } from 'playwright-core';
import { findDesktop } from '../../src/cli/commands/app.js';
import type { DesktopBridge } from '../../src/contract/desktop.js';
import { makeImageFolder, runCli, tinyExperiment } from '../cli/runCli.js';
import { removeFolder } from '../removeFolder.js';

/** A window with folders of its own: a browser that a web host let in, or the desktop window. */
export interface Studio {
  readonly folder: string;
  readonly page: Page;
  /** What the page complained about: errors in its console and exceptions. */
  readonly complaints: string[];
  close(): Promise<void>;
}

const ENTRY = resolve(import.meta.dirname, '../../build/stepadapt.mjs');
const CANDIDATES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

export interface StudioOptions {
  readonly colorScheme?: 'light' | 'dark';
  /** Added to the host's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function openStudio(options: StudioOptions = {}): Promise<Studio> {
  const folder = await mkdtemp(join(tmpdir(), 'stepadapt-e2e-'));
  const { child, url } = await serve(folder, options.env ?? {});
  const browser = await launchBrowser();
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme: options.colorScheme ?? 'light',
    acceptDownloads: true,
  });
  const page = await context.newPage();
  const complaints = complaintsOf(page);
  await page.goto(url);
  return {
    folder,
    page,
    complaints,
    async close() {
      await browser.close();
      await stop(child);
      await removeFolder(folder);
    },
  };
}

const ROOT = resolve(import.meta.dirname, '../..');
const desktop = findDesktop(ROOT, process.env, process.platform);

/** Where the same specs run. A host that this machine does not have is skipped, and says why. */
export const HOSTS: readonly { name: string; missing: string | null; open: () => Promise<Studio> }[] = [
  { name: 'in a browser', missing: null, open: () => openStudio() },
  { name: 'in the desktop window', missing: 'reason' in desktop ? desktop.reason : null, open: openDesktop },
];

declare const window: { stepadapt: DesktopBridge };

/** The real Electron on this checkout. Only an unfused build can be driven; fuses are checked on the package. */
export async function openDesktop(): Promise<Studio> {
  if ('reason' in desktop) throw new Error(desktop.reason);
  const folder = await mkdtemp(join(tmpdir(), 'stepadapt-e2e-'));
  const electron = await _electron.launch({
    executablePath: desktop.electron,
    // In a container the sandbox has no user namespaces to build on.
    args: [ROOT, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    env: {
      ...process.env,
      STEPADAPT_HOME: join(folder, '.application'),
      STEPADAPT_NODE: process.execPath,
    } as Record<string, string>,
  });
  const page = await electron.firstWindow();
  const complaints = complaintsOf(page);
  await page.waitForLoadState();
  await page.evaluate((place) => window.stepadapt.call('settings.set', { projectsFolder: place }), folder);
  return {
    folder,
    page,
    complaints,
    async close() {
      await electron.close();
      await removeFolder(folder);
    },
  };
}

/** A browser on a busy machine is slow, not wrong: nothing here fails for time before the test as a whole does. */
const PATIENCE_MS = 120_000;

function complaintsOf(page: Page): string[] {
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return complaints;
}

function launchBrowser(): Promise<Browser> {
  const executablePath = CANDIDATES.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error('no Chromium was found; name one in CHROMIUM');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
    ],
  });
}

async function serve(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [ENTRY, 'serve', '--port', '0', '--json', '--root', folder], {
    env: { ...process.env, STEPADAPT_HOME: join(folder, '.application'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const url = await new Promise<string>((done, fail) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => done((JSON.parse(text) as { url: string }).url));
    child.on('exit', (code) => fail(new Error(`the host ended with ${code}: ${errors}`)));
  });
  return { child, url };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGINT');
  await ended;
}

/** A project that runs from data to report in seconds on any engine, in the studio's own folder. */
export async function makeTinyProject(
  folder: string,
  name: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const images = await makeImageFolder(join(folder, 'pictures'), 40);
  const project = join(folder, name);
  const made = await runCli(['new', project, '--preset', 'shapes-tiny', ...tinyExperiment(images, settings)]);
  if (made.code !== 0) throw new Error(made.stderr);
  return project;
}

/** Opens a project by its path, as a person does on the first page. */
export async function openProject(page: Page, path: string): Promise<void> {
  await page.getByRole('link', { name: 'Start' }).click();
  await page.getByLabel('Folder or .stepadapt file').fill(path);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('heading', { name: 'Difficulty and groups' }).waitFor();
}
