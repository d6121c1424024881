import { appendFile, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RunLog } from '../../src/app/runLog.js';
import type { LogLine } from '../../src/contract/runViews.js';
import { removeFolder } from '../removeFolder.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepadapt-log-'));
  await mkdir(join(folder, 'jobs'));
});
afterEach(() => removeFolder(folder));

const line = (seq: number, message = `line ${seq}`): LogLine => ({
  seq,
  at: new Date(1_700_000_000_000 + 1000 * seq).toISOString(),
  level: 'info',
  message,
});
const messages = async (log: RunLog) => (await log.after(undefined)).map(({ message }) => message);

it('a later life of the host reads what an earlier one wrote, before its own lines', async () => {
  const first = new RunLog(folder);
  first.add([line(4), line(9)]);
  first.add([line(10)]);
  await first.settled();

  const second = new RunLog(folder);
  second.add([{ ...line(20, 'new'), seq: 1 }]);
  await second.settled();
  const all = await second.after(undefined);
  expect(all.map(({ message }) => message)).toEqual(['line 4', 'line 9', 'line 10', 'new']);
  // Numbers of earlier lives mean nothing in this one: they lie before every event of it, in order.
  expect(all.map(({ seq }) => seq)).toEqual([-3, -2, -1, 1]);
  expect((await second.after(0)).map(({ message }) => message)).toEqual(['new']);
});

it('keeps the newest 500 lines in view and two bounded files on disk', async () => {
  const log = new RunLog(folder);
  const long = 'x'.repeat(4000);
  for (let seq = 1; seq <= 700; seq++) {
    log.add([line(seq, `${seq} ${long}`)]);
    await log.settled();
  }
  expect((await log.after(undefined)).map(({ seq }) => seq)).toEqual(
    Array.from({ length: 500 }, (_, index) => index + 201),
  );
  expect((await readdir(join(folder, 'jobs'))).sort()).toEqual(['log.jsonl', 'log.older.jsonl']);
  for (const name of ['log.jsonl', 'log.older.jsonl']) {
    expect((await stat(join(folder, 'jobs', name))).size).toBeLessThan(1.1 * 2 ** 20);
  }
  const later = await messages(new RunLog(folder));
  expect(later.at(-1)).toMatch(/^700 /);
  expect(later.length).toBeGreaterThan(250);
});

it('passes over what cannot be read, and goes on after a line that a crash cut off', async () => {
  const path = join(folder, 'jobs', 'log.jsonl');
  await writeFile(path, `${JSON.stringify(line(1))}\nnot JSON\n{"seq":2}\n`);
  await appendFile(path, '{"seq":3,"at":"20');
  const log = new RunLog(folder);
  expect(await messages(log)).toEqual(['line 1']);
  log.add([line(5)]);
  await log.settled();
  expect((await readFile(path, 'utf8')).split('\n').at(-2)).toBe(JSON.stringify(line(5)));
  expect(await messages(new RunLog(folder))).toEqual(['line 1', 'line 5']);
});

it('a project that is gone costs the file its lines, not the run', async () => {
  await rm(folder, { recursive: true });
  const log = new RunLog(folder);
  log.add([line(1)]);
  await log.settled();
  expect(await messages(log)).toEqual(['line 1']);
  // Nothing is made anew where somebody removed a project.
  await expect(stat(folder)).rejects.toThrow('ENOENT');
});

it('shows an open host what a run on the command line says meanwhile, each line once and by its time', async () => {
  const host = new RunLog(folder);
  host.add([line(5, 'host')]);
  await host.settled();
  expect(await messages(host)).toEqual(['host']);

  const commandLine = new RunLog(folder);
  commandLine.follow({ type: 'log', level: 'warn', message: 'command line' }, new Date(1_700_000_003_000));
  commandLine.follow({ type: 'state', stage: 'base', state: 'running' }, new Date(1_700_000_003_000));
  await commandLine.settled();
  expect((await host.after(undefined)).filter(({ message }) => message === 'command line')).toMatchObject([
    { level: 'warn', seq: -2 },
  ]);
  host.add([line(6, 'host again')]);
  await host.settled();
  const all = await messages(host);
  expect(all.indexOf('command line')).toBe(0);
  expect(all.filter((message) => message.startsWith('host'))).toEqual(['host', 'host again']);
});

it('makes its folder in a project that had no job yet, and none where the project is gone', async () => {
  const fresh = join(folder, 'fresh');
  await mkdir(fresh);
  const log = new RunLog(fresh);
  log.add([line(1)]);
  await log.settled();
  expect(await messages(new RunLog(fresh))).toEqual(['line 1']);

  await rm(fresh, { recursive: true });
  const gone = new RunLog(fresh);
  gone.add([line(2)]);
  await gone.settled();
  expect(await readdir(folder)).not.toContain('fresh');
});
