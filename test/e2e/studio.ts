import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { makeImageFolder, runCli, tinyExperiment } from '../cli/runCli.js';
import { removeFolder } from '../removeFolder.js';

/** One web host with folders of its own, and a browser that was let in. */
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

export async function openStudio(options: { colorScheme?: 'light' | 'dark' } = {}): Promise<Studio> {
  const folder = await mkdtemp(join(tmpdir(), 'stepadapt-e2e-'));
  const { child, url } = await serve(folder);
  const browser = await launchBrowser();
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme: options.colorScheme ?? 'light',
    acceptDownloads: true,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
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

async function serve(folder: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [ENTRY, 'serve', '--port', '0', '--json', '--root', folder], {
    env: { ...process.env, STEPADAPT_HOME: join(folder, '.application') },
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
