import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { openProject as openFile } from '../../src/project/project.js';
import { lockProject } from '../../src/project/projectLock.js';
import { makeTinyProject, openProject, openStudio, type Studio } from './studio.js';

/** What can go wrong around a window. Each time a person reads what happened and what to do, and nothing is harmed. */

let studio: Studio;
let page: Page;
/** A finished set-up to copy from: making a project takes a process. */
let fresh: string;

beforeAll(async () => {
  // No native engine is installed in this home: experiments that ask for it find it missing.
  studio = await openStudio({ env: { STEPADAPT_ENGINE_HOME: '/nonexistent' } });
  page = studio.page;
  fresh = await makeTinyProject(studio.folder, 'fresh', { 'base.steps': 4000, 'base.checkpointEvery': 1000 });
});
beforeEach(async () => {
  await page.getByRole('link', { name: 'Start' }).click();
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await page.screenshot({ path: `test-results/${task.name.slice(0, 40)}.png` });
});
afterAll(() => studio.close());

/** A copy of the project under another name; `change` edits its file. */
async function project(name: string, change: (text: string) => string = (text) => text): Promise<string> {
  const folder = join(studio.folder, name);
  await mkdir(folder, { recursive: true });
  const text = await readFile(join(fresh, 'fresh.stepadapt'), 'utf8');
  await writeFile(join(folder, `${name}.stepadapt`), change(text.replace('"name": "fresh"', `"name": "${name}"`)));
  return folder;
}

async function tryToOpen(path: string): Promise<void> {
  await page.getByLabel('Folder or .stepadapt file').fill(path);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
}

const start = () => page.getByRole('button', { name: 'Start the run' }).click();

test('a damaged project file is named, and stays as it is', async () => {
  const folder = await project('damaged', (text) => text.slice(0, 200));
  const path = join(folder, 'damaged.stepadapt');
  const before = await readFile(path, 'utf8');
  await tryToOpen(folder);
  await page.getByRole('alert').filter({ hasText: 'is not readable as JSON. Restore the file from a copy' }).waitFor();
  expect(await readFile(path, 'utf8')).toBe(before);
  expect(await readdir(folder)).toEqual(['damaged.stepadapt']);
});

test('a project of a newer version is refused politely, and stays as it is', async () => {
  const folder = await project('newer', (text) => text.replace(/"version": \d+/, '"version": 99'));
  const before = await readFile(join(folder, 'newer.stepadapt'), 'utf8');
  await tryToOpen(folder);
  await page
    .getByRole('alert')
    .filter({ hasText: /newer version .* Update StepAdapt Studio/ })
    .waitFor();
  expect(await readFile(join(folder, 'newer.stepadapt'), 'utf8')).toBe(before);
});

test('names with spaces and of any language work; paths that lead outside do not', async () => {
  const folder = await project('Größe 32 – 実験 é');
  await openProject(page, folder);
  await page.getByRole('heading', { name: 'Größe 32 – 実験 é', level: 1 }).waitFor();
  await page.getByRole('link', { name: 'Start' }).click();
  for (const path of ['../../etc', join(studio.folder, '..'), '/etc/passwd']) {
    await tryToOpen(path);
    await page
      .getByRole('alert')
      .filter({ hasText: `${path} lies outside the folders` })
      .waitFor();
  }
  await page.getByLabel('Name').fill('../outside');
  await page.getByRole('button', { name: 'Make the project' }).click();
  await page
    .getByRole('alert')
    .filter({ hasText: /lies outside|cannot be a project's name/ })
    .waitFor();
});

test('a project that is deleted while it is open', async () => {
  const folder = await project('short lived');
  await openProject(page, folder);
  await rm(folder, { recursive: true });
  await page.getByLabel('Mean compute').fill('0.75');
  await page.getByLabel('Mean compute').press('Enter');
  await page
    .getByRole('alert')
    .filter({ hasText: /short lived/ })
    .waitFor();
  await page.getByText('Not saved', { exact: true }).waitFor();
  // Put back, the edit that was held goes into it.
  await project('short lived');
  await page.getByRole('button', { name: 'Save again' }).click();
  await page.getByText('All edits are saved').waitFor();
  const saved = JSON.parse(await readFile(join(folder, 'short lived.stepadapt'), 'utf8'));
  expect(saved.config.budget.targetMean).toBe(0.75);
  await rm(folder, { recursive: true });
  await page.getByRole('link', { name: 'Start' }).click();
  await page.reload();
  await page.getByRole('article').filter({ hasText: 'short lived' }).getByText('missing').waitFor();
});

test('damaged files of a project are named, and repaired when that is asked for twice', async () => {
  const folder = await project('damaged');
  const record = join(folder, 'stages', 'base', 'stage.json');
  await mkdir(join(folder, 'stages', 'base'), { recursive: true });
  await writeFile(record, '{"format":');
  await tryToOpen(folder);
  const card = page.getByRole('article').filter({ hasText: 'stages/base/stage.json is damaged' });
  await card.getByRole('button', { name: 'Check project files' }).click();
  const dialog = page.getByRole('dialog', { name: 'Project files' });
  await dialog.getByText('1 damaged').waitFor();
  await dialog.getByText('stages/base/stage.json').waitFor();
  await dialog.getByRole('button', { name: 'Repair…' }).click();
  expect(await readFile(record, 'utf8')).toBe('{"format":');
  await dialog.getByRole('button', { name: 'Repair now' }).click();
  await dialog.getByText('Nothing is damaged').waitFor();
  await dialog.getByRole('list', { name: 'What was done' }).waitFor();
  await expect(readFile(record)).rejects.toMatchObject({ code: 'ENOENT' });
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await openProject(page, folder);
});

test('a second writer is told, and may read', async () => {
  const folder = await project('written elsewhere');
  const release = await lockProject(await openFile(folder));
  try {
    await openProject(page, folder);
    await page.getByText('Another program is writing to this project. It can be read here, not run.').waitFor();
    expect(await page.getByRole('button', { name: 'Start the run' }).isDisabled()).toBe(true);
  } finally {
    await release();
  }
});

test('an engine that is missing is named, with the way to another', async () => {
  await openProject(page, await project('no engine', (text) => text.replace('"engine": "wasm"', '"engine": "native"')));
  await start();
  await page
    .getByRole('alert')
    .filter({ hasText: /engine/i })
    .waitFor();
  await page.getByText('ENGINE_UNAVAILABLE').first().waitFor({ state: 'attached' });
});

test('an engine that crashes in the middle of a run is started again from its checkpoint', async () => {
  const folder = await project('crashing');
  await openProject(page, folder);
  await start();
  await page.getByText(/\d+ \/ 4,000/).waitFor();
  const [name] = (await readdir(join(folder, 'jobs'))).filter((file) => file.endsWith('.json'));
  const record = async () =>
    JSON.parse(await readFile(join(folder, 'jobs', name), 'utf8')) as {
      state: string;
      process: { pid: number } | null;
    };
  const first = (await record()).process!.pid;
  process.kill(first, 'SIGKILL');
  await page.getByText(/ended with SIGKILL.*started again from the last checkpoint in 1 s/).waitFor();
  await expect
    .poll(record, { timeout: 60_000 })
    .toMatchObject({ state: 'running', process: { pid: expect.not.toSatisfy((pid: number) => pid === first) } });
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('button', { name: 'Go on' }).waitFor();
});

test('a page of another site cannot give commands, not even on the same machine', async () => {
  const { origin: host } = new URL(page.url());
  const site = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>elsewhere</title>');
  });
  await new Promise<void>((listening) => site.listen(0, '127.0.0.1', listening));
  const hostile = await page.context().newPage();
  try {
    // The same machine and name, another port: the browser sends the cookie along.
    await hostile.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    const outcome = await hostile.evaluate(async (target) => {
      const call = (name: string) => `${target}/api/call/${name}`;
      const body = '{}';
      const tries = {
        json: fetch(call('queue.pause'), { method: 'POST', body, headers: { 'content-type': 'application/json' } }),
        blind: fetch(call('queue.pause'), { method: 'POST', body, mode: 'no-cors', credentials: 'include' }),
        read: fetch(`${target}/api/call/projects.recent`, { method: 'POST', body, credentials: 'include' }),
      };
      const results: Record<string, string> = {};
      for (const [name, attempt] of Object.entries(tries)) {
        results[name] = await attempt.then(
          async (response) => `${response.type} ${await response.text()}`,
          () => 'refused by the browser',
        );
      }
      results['socket'] = await new Promise((done) => {
        const socket = new WebSocket(`${target.replace('http', 'ws')}/api/events`);
        socket.onmessage = () => done('heard');
        socket.onerror = () => done('refused');
      });
      return results;
    }, host);
    expect(outcome).toEqual({
      json: 'refused by the browser',
      blind: 'refused by the browser',
      read: 'refused by the browser',
      socket: 'refused',
    });
  } finally {
    await hostile.close();
    await new Promise((closed) => site.close(closed));
  }
  const answer = await page.request.post(`${host}/api/call/queue.list`, { data: {}, headers: { origin: host } });
  expect(await answer.json()).toMatchObject({ ok: true, value: { paused: false } });
});

test('a host that is gone is said, and what is in view stays', async () => {
  await openProject(page, await project('left alone'));
  await page.route('**/api/call/**', (route) => route.abort());
  await page.getByLabel('Mean compute').fill('0.75');
  await page.getByLabel('Mean compute').press('Enter');
  await page.getByRole('alert').filter({ hasText: 'The program behind this page does not answer.' }).waitFor();
  await page.getByRole('heading', { name: 'Difficulty and groups' }).waitFor();
  await page.unroute('**/api/call/**');
  await page.getByLabel('Mean compute').fill('0.76');
  await page.getByLabel('Mean compute').press('Enter');
  await page.getByText('All edits are saved').waitFor();
});

test('a full disk stops the run with a message and harms nothing', async ({ skip }) => {
  const disk = join(studio.folder, 'disk');
  await mkdir(disk);
  const mount = (...options: string[]) => execFileSync('mount', options, { stdio: 'ignore' });
  try {
    mount('-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', disk);
  } catch {
    return skip('this system does not let the tests mount a small file system');
  }
  try {
    await cp(await project('full'), join(disk, 'full'), { recursive: true });
    const before = await readFile(join(disk, 'full', 'full.stepadapt'), 'utf8');
    await openProject(page, join(disk, 'full'));
    await page.getByLabel('Training steps').fill('4');
    await page.getByLabel('Training steps').press('Enter');
    await page.getByText('All edits are saved').waitFor();
    await start();
    const alert = page.getByRole('alert').first();
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/needs .+ and the disk of .+ has .+ free\. Free some space/s);
    const after = JSON.parse(await readFile(join(disk, 'full', 'full.stepadapt'), 'utf8'));
    expect(after).toEqual({ ...JSON.parse(before), config: { ...JSON.parse(before).config, base: after.config.base } });
  } finally {
    await page.getByRole('link', { name: 'Start' }).click();
    execFileSync('umount', ['-l', disk]);
  }
});
