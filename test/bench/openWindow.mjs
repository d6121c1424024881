/** What the window's benchmarks share: a web host of its own, and a Chromium that was let in. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { compile } from '../../build/compile.mjs';
import { buildRenderer } from '../../build/renderer.mjs';

const ENTRY = resolve(import.meta.dirname, '../../build/stepadapt.mjs');
const CANDIDATES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Builds what is out of date, then opens a host on an empty folder and a page on it. `call` gives commands past the page. */
export async function openWindow() {
  await compile();
  await buildRenderer((line) => process.stderr.write(`${line}\n`));
  const folder = await mkdtemp(join(tmpdir(), 'stepadapt-window-bench-'));
  const host = spawn(process.execPath, [ENTRY, 'serve', '--port', '0', '--json', '--root', folder], {
    env: { ...process.env, STEPADAPT_HOME: join(folder, '.application') },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const url = await new Promise((done, fail) => {
    host.stdout.setEncoding('utf8').once('data', (text) => done(JSON.parse(text).url));
    host.once('exit', (code) => fail(new Error(`the host ended with ${code}`)));
  });
  const executablePath = CANDIDATES.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error('no Chromium was found; name one in CHROMIUM');
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath, args: [...sandbox, '--disable-gpu'] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(url);
  await page.getByRole('heading', { name: 'StepAdapt Studio' }).waitFor();
  const origin = new URL(page.url()).origin;

  return {
    folder,
    context,
    page,
    origin,
    /** @returns the value of a command; throws its refusal */
    async call(name, params) {
      const response = await context.request.post(`${origin}/api/call/${name}`, { data: params, headers: { origin } });
      const result = await response.json();
      if (!result.ok) throw new Error(`${name}: ${result.error.code} ${result.error.message}`);
      return result.value;
    },
    async close() {
      await browser.close();
      const ended = new Promise((done) => host.once('exit', done));
      host.kill('SIGINT');
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

/**
 * Processor seconds that the window's processes have taken so far: the host and the browser with all its helpers, without
 * engines, which the host starts too. Those that ended do not count. Null where there is no `/proc`.
 */
export function windowProcessorSeconds() {
  if (!existsSync('/proc/self/stat')) return null;
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // After the name in brackets: state, parent, ..., user and system time in hundredths of a second.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const parent = Number(fields[1]);
      const seconds = (Number(fields[11]) + Number(fields[12])) / 100;
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      children.set(parent, [...(children.get(parent) ?? []), { pid: Number(name), seconds, command }]);
    } catch {
      // It ended in between.
    }
  }
  const total = (pid) =>
    (children.get(pid) ?? [])
      .filter(({ command }) => !/engineProcess\.js|esbuild/.test(command))
      .reduce((sum, { pid: child, seconds }) => sum + seconds + total(child), 0);
  return total(process.pid);
}

/** The value below which a share of the values lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

export const median = (values) => quantile(values, 0.5);

/** Prints a result as one JSON document, with the machine it was measured on. */
export function printResult(result) {
  const [{ model }] = cpus();
  console.log(JSON.stringify({ ...result, machine: { cores: cpus().length, model, node: process.version } }, null, 2));
}
