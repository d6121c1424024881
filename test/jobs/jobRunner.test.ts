import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import type { JobState } from '../../src/contract/jobs.js';
import { JobRunner, type JobRunnerOptions } from '../../src/jobs/jobRunner.js';
import { JobStore } from '../../src/jobs/jobStore.js';
import { createProject, saveConfig, type Project } from '../../src/project/project.js';
import { FakeEngines } from './fakeEngine.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
let engines: FakeEngines;
let states: string[];
let runners: JobRunner[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-jobs-'));
  engines = new FakeEngines();
  states = [];
  runners = [];
});
afterEach(async () => {
  // A runner writes records and the queue after what the test waited for; only an ended one writes nothing more.
  const closed = runners.map((runner) => runner.close());
  engines.end();
  await Promise.all(closed);
  await removeFolder(root);
});

const project = (name: string): Promise<Project> =>
  createProject(join(root, name), { preset: null, config: configSchema.parse({}) });

function newRunner(options: Partial<JobRunnerOptions> = {}): JobRunner {
  const runner = new JobRunner({
    queuePath: join(root, 'queue.json'),
    spawn: engines.spawn,
    onHeartbeat: () => undefined,
    onJob: ({ record, project: { file } }) => {
      const line = `${file.name} ${record.state}`;
      if (states.at(-1) !== line) states.push(line);
    },
    onQueue: () => undefined,
    onEvents: () => undefined,
    restarts: false,
    ...options,
  });
  runners.push(runner);
  return runner;
}

/** Waits until the newest job of a project has this state, on disk. */
async function untilState(of: Project, state: JobState): Promise<void> {
  while ((await new JobStore(of.folder).newest())?.state !== state) await new Promise((done) => setTimeout(done, 5));
}

it('starting twice gives the first job, whose record was on disk before its process began', async () => {
  const one = await project('one');
  let atSpawn: unknown = null;
  const runner = newRunner({
    spawn: () => {
      const [name] = readdirSync(join(one.folder, 'jobs'));
      atSpawn = JSON.parse(readFileSync(join(one.folder, 'jobs', name), 'utf8'));
      return engines.spawn();
    },
  });
  const first = await runner.start(one, null);
  const second = await runner.start(one, null);
  expect(second.record.id).toBe(first.record.id);
  expect(engines.children).toHaveLength(1);
  expect(atSpawn).toMatchObject({ id: first.record.id, state: 'starting', config: one.file.config });
  expect(states.slice(0, 2)).toEqual(['one queued', 'one starting']);
});

it('runs one job at a time, and a failure does not stop the rest', async () => {
  const [one, two, three, four] = await Promise.all(['one', 'two', 'three', 'four'].map(project));
  const runner = newRunner();
  for (const each of [one, two, three, four]) await runner.add(each, { until: null });
  expect(engines.children).toHaveLength(1);
  (await engines.atWork(0)).end({ type: 'failed', error: { code: 'NOT_FINITE', message: 'NaN', hint: 'lower' } });
  (await engines.atWork(1)).exit(null, 'SIGSEGV');
  (await engines.atWork(2)).end({ type: 'failed', error: { code: 'DISK_FULL', message: 'full', hint: 'make room' } });
  (await engines.atWork(3)).end({ type: 'finished', forecast: null });
  await untilState(four, 'finished');
  expect(await new JobStore(one.folder).newest()).toMatchObject({ state: 'failed', error: { code: 'NOT_FINITE' } });
  // It goes on when there is room again.
  expect(await new JobStore(three.folder).newest()).toMatchObject({
    state: 'interrupted',
    error: { code: 'DISK_FULL', hint: 'make room' },
  });
  expect(await new JobStore(two.folder).newest()).toMatchObject({
    state: 'interrupted',
    error: { code: 'ENGINE_CRASHED' },
  });
  // Its record is on disk a moment before the list is.
  await vi.waitUntil(() => runner.list().length === 0, { timeout: 120_000 });
});

it('a job keeps the config it was queued with', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map(project));
  const runner = newRunner();
  await runner.start(one, null);
  await runner.add(two, { until: 'base' });
  await saveConfig(two, configSchema.parse({ seed: 7 }));
  (await engines.atWork(0)).end({ type: 'finished', forecast: null });
  const child = await engines.atWork(1);
  expect(child.received[0]).toMatchObject({ type: 'run', until: 'base', config: { seed: 0 } });
});

it('a paused job keeps its place and goes on with the same record', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map(project));
  const runner = newRunner();
  const { record } = await runner.start(one, null);
  await runner.add(two, { until: null });
  const child = await engines.atWork(0);
  await runner.pause(one.path);
  expect(child.received.at(-1)).toEqual({ type: 'stop' });
  child.end({ type: 'stopped' });
  await untilState(one, 'paused');
  expect(engines.children).toHaveLength(1);
  const again = await runner.start(one, null);
  expect(again.record.id).toBe(record.id);
  await engines.atWork(1);
  await untilState(one, 'running');
  await runner.stop(one.path);
  engines.children[1].end({ type: 'stopped' });
  await untilState(one, 'interrupted');
  await untilState(two, 'starting');
});

it('waiting jobs can be moved and removed, jobs at work cannot', async () => {
  const [one, two, three] = await Promise.all(['one', 'two', 'three'].map(project));
  const runner = newRunner();
  const jobs = [
    await runner.start(one, null),
    await runner.add(two, { until: null }),
    await runner.add(three, { until: null }),
  ];
  const ids = () => runner.list().map(({ record }) => record.id);
  await runner.reorder(jobs[2].record.id, 0);
  expect(ids()).toEqual([0, 2, 1].map((index) => jobs[index].record.id));
  await expect(runner.reorder(jobs[0].record.id, 0)).rejects.toMatchObject({ code: 'JOB_NOT_WAITING' });
  await expect(runner.remove(jobs[0].record.id)).rejects.toMatchObject({ code: 'JOB_NOT_WAITING' });
  await runner.remove(jobs[2].record.id);
  expect(ids()).toEqual([0, 1].map((index) => jobs[index].record.id));
  expect((await new JobStore(three.folder).newest())?.state).toBe('interrupted');
});

it('a paused queue starts nothing until it is resumed, unless somebody starts a project', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map(project));
  const runner = newRunner();
  await runner.setPaused(true);
  await runner.add(one, { until: null });
  expect(engines.children).toHaveLength(0);
  await runner.start(two, null);
  expect(engines.children).toHaveLength(1);
  (await engines.atWork(0)).end({ type: 'finished', forecast: null });
  await untilState(two, 'finished');
  expect(engines.children).toHaveLength(1);
  await runner.setPaused(false);
  expect(engines.children).toHaveLength(2);
});

it('after the program was killed, its run is interrupted and what waited still waits', async () => {
  const [one, two, three] = await Promise.all(['one', 'two', 'three'].map(project));
  const before = newRunner();
  await before.start(one, null);
  await engines.atWork(0);
  await untilState(one, 'running');
  await before.add(two, { until: null });
  await before.add(three, { until: null });

  const runner = newRunner();
  await runner.recover();
  expect(await new JobStore(one.folder).newest()).toMatchObject({
    state: 'interrupted',
    error: { code: 'HOST_ENDED' },
  });
  expect(runner.list().map(({ project: { file }, record }) => [file.name, record.state])).toEqual([
    ['two', 'queued'],
    ['three', 'queued'],
  ]);
  expect(runner.isPaused).toBe(true);
  expect(engines.children).toHaveLength(1);
  await runner.setPaused(false);
  expect(engines.children).toHaveLength(2);
});

it('a record that names a living process which does not hold the project is interrupted too', async () => {
  const one = await project('one');
  const before = newRunner();
  const { record } = await before.start(one, null);
  await engines.atWork(0);
  await untilState(one, 'running');
  // The number of the lost process was given to another one since.
  const other = { ...record, state: 'running' as const, process: { pid: process.pid, host: hostname() } };
  await new JobStore(one.folder).write(other);
  const runner = newRunner();
  await runner.recover();
  expect((await new JobStore(one.folder).newest())?.state).toBe('interrupted');
});

it('a damaged queue file is put aside', async () => {
  await writeFile(join(root, 'queue.json'), '{"format": "stepadapt-que');
  const runner = newRunner();
  await runner.recover();
  expect(runner.list()).toEqual([]);
  expect(await readFile(join(root, 'queue.json.damaged'), 'utf8')).toBe('{"format": "stepadapt-que');
});
