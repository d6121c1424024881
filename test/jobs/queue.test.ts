import { mkdtemp, readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import type { JobRecord, JobState } from '../../src/contract/jobs.js';
import { holdJob, newRecord } from '../../src/jobs/job.js';
import { JobRunner, type JobRunnerOptions } from '../../src/jobs/jobRunner.js';
import { JobStore } from '../../src/jobs/jobStore.js';
import { nextStart } from '../../src/jobs/queueOrder.js';
import { createProject, type Project } from '../../src/project/project.js';
import { removeFolder } from '../removeFolder.js';
import { FakeEngines } from './fakeEngine.js';

/** Start times, what a killed host leaves, and processes that edit the queue without running it. */
let root: string;
let engines: FakeEngines;
let runners: JobRunner[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-queue-'));
  engines = new FakeEngines();
  runners = [];
});
afterEach(async () => {
  vi.useRealTimers();
  const closed = runners.map((runner) => runner.close());
  engines.end();
  await Promise.all(closed);
  await removeFolder(root);
});

const config = configSchema.parse({});
const project = (name: string): Promise<Project> => createProject(join(root, name), { preset: null, config });
const newest = ({ folder }: Project): Promise<JobRecord | null> => new JobStore(folder).newest();

function newRunner(options: Partial<JobRunnerOptions> = {}): JobRunner {
  const runner = new JobRunner({
    queuePath: join(root, 'queue.json'),
    spawn: engines.spawn,
    onJob: () => undefined,
    onHeartbeat: () => undefined,
    onQueue: () => undefined,
    onEvents: () => undefined,
    ...options,
  });
  runners.push(runner);
  return runner;
}

async function untilState(of: Project, state: JobState): Promise<void> {
  while ((await newest(of))?.state !== state) await new Promise((done) => setTimeout(done, 5));
}

it('the first job in order that is due starts; without one, the clock is read again within half a minute', async () => {
  const folder = await project('p');
  const at = (hour: number) => `2026-03-01T${String(hour).padStart(2, '0')}:00:00.000Z`;
  const job = (startAfter: string | null) => holdJob(newRecord(config, { until: null, startAfter }, at(0)), folder);
  const [later, soon, free] = [job(at(23)), job(at(8)), job(null)];
  expect(nextStart([], new Date(at(9)))).toBeNull();
  expect(nextStart([later, soon, free], new Date(at(9)))).toEqual({ job: soon });
  expect(nextStart([later, soon, free], new Date(at(7)))).toEqual({ job: free });
  expect(nextStart([later], new Date('2026-03-01T22:59:59.000Z'))).toEqual({ waitMs: 1000 });
  // A machine that slept, or a clock that was set, is noticed.
  expect(nextStart([later], new Date(at(1)))).toEqual({ waitMs: 30_000 });
});

it('a job waits for its start time, which can be changed, and lets others go first', async () => {
  let now = new Date('2026-03-01T20:00:00.000Z');
  const [one, two] = await Promise.all(['one', 'two'].map(project));
  const runner = newRunner({ now: () => now });
  const night = '2026-03-01T23:00:00.000Z';
  const first = await runner.add(one, { until: null, startAfter: night });
  expect(first.record).toMatchObject({ state: 'queued', startAfter: night, startedAt: null });
  await runner.add(two, { until: null });
  (await engines.atWork(0)).end({ type: 'finished', forecast: null });
  await untilState(two, 'finished');
  expect(engines.children).toHaveLength(1);
  expect((await newest(one))?.state).toBe('queued');

  now = new Date('2026-03-01T22:00:00.000Z');
  await runner.schedule(first.record.id, '2026-03-01T21:30:00.000Z');
  (await engines.atWork(1)).end({ type: 'finished', forecast: null });
  await untilState(one, 'finished');
  await expect(runner.schedule(first.record.id, null)).rejects.toMatchObject({ code: 'JOB_NOT_WAITING' });
});

it('a job starts by itself when its time comes', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let now = new Date('2026-03-01T20:00:00.000Z');
  const one = await project('one');
  const runner = newRunner({ now: () => now });
  await runner.add(one, { until: null, startAfter: '2026-03-01T23:00:00.000Z' });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(engines.children).toHaveLength(0);
  // The machine slept: the clock moved on, the timer did not.
  now = new Date('2026-03-02T07:00:00.000Z');
  await vi.advanceTimersByTimeAsync(35_000);
  vi.useRealTimers();
  await engines.child(0);
});

it('a start time survives a restart of the host', async () => {
  const one = await project('one');
  const startAfter = '2999-01-01T00:00:00.000Z';
  await newRunner().add(one, { until: null, startAfter });
  const later = newRunner();
  await later.recover();
  expect(later.list().map(({ record }) => record.startAfter)).toEqual([startAfter]);
});

it('a process that edits the queue starts nothing and leaves it as it is', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map(project));
  const editor = newRunner({ runsJobs: false });
  await editor.recover();
  await editor.add(one, { until: null });
  await editor.add(two, { until: null });
  await editor.setPaused(false);
  expect(editor.isPaused).toBe(false);
  expect(engines.children).toHaveLength(0);
  const second = newRunner({ runsJobs: false });
  await second.recover();
  expect(second.isPaused).toBe(false);
  expect(second.list().map(({ project: { file } }) => file.name)).toEqual(['one', 'two']);
  await second.clear();
  expect(second.list()).toEqual([]);
  expect((await newest(one))?.state).toBe('interrupted');
});

it('what was at work when the host was killed goes on first when the queue is resumed, once, and with its own config', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map(project));
  const before = newRunner();
  const lost = await before.start(one, 'base');
  await engines.atWork(0);
  await untilState(one, 'running');
  await before.add(two, { until: null });

  // Two lives of the host that do nothing about it must not forget it.
  await newRunner().recover();
  const runner = newRunner();
  await runner.recover();
  expect(await newest(one)).toMatchObject({ state: 'interrupted', error: { code: 'HOST_ENDED' } });
  expect(runner.listInterrupted().map(({ record }) => record.id)).toEqual([lost.record.id]);
  await runner.setPaused(false);
  expect(runner.listInterrupted()).toEqual([]);
  const child = await engines.atWork(1);
  expect(child.received[0]).toMatchObject({ type: 'run', project: one.path, until: 'base' });
  expect(runner.list().map(({ project: { file } }) => file.name)).toEqual(['one', 'two']);
  child.end({ type: 'finished', forecast: null });
  await untilState(one, 'finished');
  await engines.atWork(2);
  const queue = JSON.parse(await readFile(join(root, 'queue.json'), 'utf8')) as { jobs: unknown[] };
  expect(queue.jobs).toHaveLength(1);
});

it('a project that is started again by hand is not taken up a second time', async () => {
  const one = await project('one');
  const before = newRunner();
  await before.start(one, null);
  await engines.atWork(0);
  await untilState(one, 'running');
  const runner = newRunner();
  await runner.recover();
  await runner.start(one, null);
  expect(runner.listInterrupted()).toEqual([]);
  await runner.setPaused(false);
  expect(runner.list()).toHaveLength(1);
});

it('jobs of a project that is not there at a start wait for a start at which it is, unless the queue is cleared', async () => {
  const [here, away] = [await project('here'), await project('away')];
  const editor = newRunner({ runsJobs: false });
  for (const each of [away, here]) await editor.add(each, { until: null });
  await rename(away.folder, `${away.folder}-unplugged`);
  const without = newRunner({ runsJobs: false });
  await without.recover();
  expect(without.list().map((job) => job.project.path)).toEqual([here.path]);

  await rename(`${away.folder}-unplugged`, away.folder);
  const again = newRunner({ runsJobs: false });
  await again.recover();
  expect(again.list().map((job) => job.project.path)).toEqual([here.path, away.path]);

  await rename(away.folder, `${away.folder}-unplugged`);
  const clearing = newRunner({ runsJobs: false });
  await clearing.recover();
  await clearing.clear();
  await rename(`${away.folder}-unplugged`, away.folder);
  const empty = newRunner({ runsJobs: false });
  await empty.recover();
  expect(empty.list()).toEqual([]);
});
