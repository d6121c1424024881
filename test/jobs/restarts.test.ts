import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import type { PipelineEvent } from '../../src/contract/events.js';
import type { JobRecord, JobState } from '../../src/contract/jobs.js';
import { JobRunner } from '../../src/jobs/jobRunner.js';
import { JobStore } from '../../src/jobs/jobStore.js';
import { Progress, Restarts } from '../../src/jobs/restarts.js';
import { createProject, type Project } from '../../src/project/project.js';
import { removeFolder } from '../removeFolder.js';
import { FakeEngines } from './fakeEngine.js';

const step = (done: number): PipelineEvent => ({
  type: 'progress',
  stage: 'base',
  done,
  total: 100,
  unit: 'step',
  etaSeconds: null,
});

it('only work that no earlier attempt had done counts as progress', () => {
  const progress = new Progress();
  progress.take([step(5)]);
  expect(progress.nextAttempt()).toBe(true);
  progress.take([step(3), step(4), step(5)]);
  expect(progress.nextAttempt()).toBe(false);
  progress.take([step(3), step(6)]);
  expect(progress.nextAttempt()).toBe(true);
  progress.take([{ type: 'state', stage: 'base', state: 'done' }]);
  expect(progress.nextAttempt()).toBe(true);
  progress.take([
    { type: 'state', stage: 'base', state: 'done' },
    { type: 'log', level: 'info', message: 'x' },
  ]);
  expect(progress.nextAttempt()).toBe(false);
});

it('three restarts in vain are all, fifty with progress are all, and some ends are not tried again', () => {
  const vain = new Restarts();
  expect([0, 1, 2, 3].map((before) => vain.next(before, 'ENGINE_CRASHED', false)?.attempt)).toEqual([
    1,
    2,
    3,
    undefined,
  ]);
  expect(vain.next(4, 'ENGINE_CRASHED', true)).toMatchObject({ attempt: 1, pauseMs: 1000 });
  const busy = new Restarts();
  let count = 0;
  while (busy.next(count, 'ENGINE_HUNG', true) !== null) count += 1;
  expect(count).toBe(50);
  for (const code of ['OUT_OF_MEMORY', 'DISK_FULL', 'ENGINE_UNSUITED']) {
    expect(new Restarts().next(0, code, true)).toBeNull();
  }
});

let root: string;
let engines: FakeEngines;
let runner: JobRunner;
let events: PipelineEvent[];
let one: Project;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-restarts-'));
  engines = new FakeEngines();
  events = [];
  one = await createProject(join(root, 'one'), { preset: null, config: configSchema.parse({}) });
  runner = new JobRunner({
    queuePath: join(root, 'queue.json'),
    spawn: engines.spawn,
    onJob: () => undefined,
    onHeartbeat: () => undefined,
    onQueue: () => undefined,
    onEvents: (_, batch) => events.push(...batch),
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  vi.useRealTimers();
  const closed = runner.close();
  engines.end();
  await closed;
  await removeFolder(root);
});

const newest = (): Promise<JobRecord | null> => new JobStore(one.folder).newest();

/** Until the job has this state and as many restarts, on disk; pauses between attempts pass at once. */
async function until(state: JobState, restarts: number): Promise<JobRecord> {
  for (;;) {
    const record = await newest();
    if (record?.state === state && record.restarts.length === restarts) return record;
    await new Promise((done) => setImmediate(done));
  }
}

async function next(index: number) {
  while (engines.children.length <= index) {
    await vi.advanceTimersByTimeAsync(5000);
    await new Promise((done) => setImmediate(done));
  }
  return engines.atWork(index);
}

it('a lost engine is replaced and goes on; record and log say so', async () => {
  const { record } = await runner.start(one, null);
  (await engines.atWork(0)).exit(null, 'SIGSEGV');
  const waiting = await until('starting', 1);
  expect(waiting).toMatchObject({ id: record.id, process: null, restarts: [{ error: { code: 'ENGINE_CRASHED' } }] });
  const again = await next(1);
  expect(again.received[0]).toMatchObject({ type: 'run', project: one.path });
  again.end({ type: 'finished', forecast: null });
  expect(await until('finished', 1)).toMatchObject({ id: record.id, error: null });
  const lines = events.flatMap((event) => (event.type === 'log' ? [event.message] : []));
  expect(lines).toEqual([expect.stringMatching(/SIGSEGV.*started again .*attempt 1 of 3/)]);
});

it('after three restarts without progress the job is interrupted and the queue goes on', async () => {
  const two = await createProject(join(root, 'two'), { preset: null, config: configSchema.parse({}) });
  await runner.start(one, null);
  await runner.add(two, { until: null });
  for (let attempt = 0; attempt < 4; attempt++) {
    const child = await next(attempt);
    child.say({ type: 'events', events: [step(3)] });
    child.exit(139);
  }
  // The first attempt got somewhere, so three more followed.
  const child = await next(4);
  expect(child.received[0]).toMatchObject({ project: two.path });
  expect(await newest()).toMatchObject({ state: 'interrupted', error: { code: 'ENGINE_CRASHED' } });
  expect((await newest())!.restarts).toHaveLength(3);
});

it.each(['stop', 'pause'] as const)('%s between two attempts ends the job at once', async (verb) => {
  await runner.start(one, null);
  (await engines.atWork(0)).exit(null, 'SIGABRT');
  await until('starting', 1);
  await runner[verb](one.path);
  expect((await newest())!.state).toBe(verb === 'stop' ? 'interrupted' : 'paused');
  await vi.advanceTimersByTimeAsync(120_000);
  expect(engines.children).toHaveLength(1);
  if (verb === 'stop') return;
  await runner.start(one, null);
  expect(engines.children).toHaveLength(2);
});

it('an engine that runs out of memory is not tried again with the same settings', async () => {
  await runner.start(one, null);
  const child = await engines.atWork(0);
  child.stderr.write('terminate called after throwing std::bad_alloc\n');
  child.exit(null, 'SIGABRT');
  expect(await until('interrupted', 0)).toMatchObject({
    error: { code: 'OUT_OF_MEMORY', remedy: { field: 'base.microBatch', value: 32 } },
  });
});
