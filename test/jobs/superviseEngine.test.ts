import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import type { PipelineEvent } from '../../src/contract/events.js';
import { superviseEngine } from '../../src/jobs/superviseEngine.js';
import { FakeEngines, type FakeChild } from './fakeEngine.js';

const task = { type: 'run', project: 'p.stepadapt', config: configSchema.parse({}), until: null } as const;
const patience = { ready: 1000, silence: 60_000, stop: 2000, terminate: 500 };

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

function begin(countMemoryKills: () => number | null = () => null): {
  child: FakeChild;
  running: ReturnType<typeof superviseEngine>;
  events: PipelineEvent[];
  heard: string[];
} {
  const engines = new FakeEngines();
  const events: PipelineEvent[] = [];
  const heard: string[] = [];
  const running = superviseEngine({
    spawn: engines.spawn,
    task,
    patience,
    countMemoryKills,
    listener: {
      onReady: () => heard.push('ready'),
      onEvents: (batch) => events.push(...batch),
      onHeartbeat: (bytes) => heard.push(`${bytes} bytes`),
    },
  });
  return { child: engines.children[0], running, events, heard };
}

it('gives the task to a process that is ready, passes its events on, and reports its end', async () => {
  const { child, running, events, heard } = begin();
  expect(child.received).toEqual([]);
  child.say({ type: 'ready' });
  expect(child.received).toEqual([task]);
  child.say({ type: 'heartbeat', rssBytes: 5 });
  child.say({ type: 'events', events: [{ type: 'metric', stage: 'base', step: 1, values: { loss: NaN } }] });
  child.end({ type: 'finished', forecast: null });
  expect(await running.outcome).toEqual({ kind: 'finished', forecast: null });
  expect(heard).toEqual(['ready', '5 bytes']);
  expect(events).toEqual([{ type: 'metric', stage: 'base', step: 1, values: { loss: NaN } }]);
});

it('asks, waits, terminates, kills', async () => {
  const { child, running } = begin();
  child.say({ type: 'ready' });
  running.stop();
  running.stop();
  expect(child.received.map(({ type }) => type)).toEqual(['run', 'stop']);
  vi.advanceTimersByTime(patience.stop - 1);
  expect(child.signals).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(child.signals).toEqual(['SIGTERM']);
  vi.advanceTimersByTime(patience.terminate - 1);
  expect(child.signals).toEqual(['SIGTERM']);
  child.onSignal = (signal) => child.exit(null, signal);
  vi.advanceTimersByTime(1);
  expect(child.signals).toEqual(['SIGTERM', 'SIGKILL']);
  expect(await running.outcome).toEqual({ kind: 'stopped' });
  vi.advanceTimersByTime(60_000);
  expect(child.signals).toHaveLength(2);
});

it('a process that stops as asked is not touched', async () => {
  const { child, running } = begin();
  child.say({ type: 'ready' });
  running.stop();
  child.end({ type: 'stopped' });
  expect(await running.outcome).toEqual({ kind: 'stopped' });
  vi.advanceTimersByTime(60_000);
  expect(child.signals).toEqual([]);
});

it('samples are asked of a run in training, and every wish is answered, at the latest by the end', async () => {
  const { child, running } = begin();
  const wish = { seed: 7, count: 4 };
  const stage = (id: string) => child.say({ type: 'events', events: [{ type: 'state', stage: id, state: 'running' }] });
  child.say({ type: 'ready' });
  await expect(running.draw(wish)).rejects.toMatchObject({ code: 'NOTHING_IN_TRAINING' });
  stage('evaluation');
  await expect(running.draw(wish)).rejects.toMatchObject({ code: 'NOTHING_IN_TRAINING' });
  stage('experts/3');
  const wishes = [running.draw(wish), running.draw(wish), running.draw(wish)];
  expect(child.received.slice(1)).toEqual([1, 2, 3].map((request) => ({ type: 'drawNow', request, ...wish })));
  const settled = Promise.allSettled(wishes);
  child.say({ type: 'drawn', request: 2, name: 'two' });
  child.say({ type: 'notDrawn', request: 1, error: { code: 'DISK_FULL', message: 'full', hint: 'free some' } });
  child.say({ type: 'drawn', request: 99, name: 'nobody asked' });
  child.end({ type: 'finished', forecast: null });
  expect(await settled).toMatchObject([
    { reason: { code: 'DISK_FULL' } },
    { value: 'two' },
    { reason: { code: 'ENGINE_ENDED' } },
  ]);
});

it('a process that never gets ready is ended, and the reason is said', async () => {
  const { child, running } = begin();
  child.onSignal = (signal) => child.exit(null, signal);
  vi.advanceTimersByTime(patience.ready);
  expect(child.signals).toEqual(['SIGTERM']);
  expect(await running.outcome).toMatchObject({ kind: 'failed', error: { code: 'ENGINE_SILENT' } });
});

it('messages that are not in the schema end the process', async () => {
  const { child, running, events } = begin();
  child.onSignal = (signal) => child.exit(null, signal);
  child.say({ type: 'ready' });
  child.say({ type: 'events', events: [{ type: 'metric', stage: 'base', values: {} }] });
  expect(await running.outcome).toMatchObject({ kind: 'failed', error: { code: 'ENGINE_GARBLED' } });
  expect(events).toEqual([]);
});

it('an engine that falls silent is asked, terminated, killed, and named', async () => {
  const { child, running, events } = begin();
  child.say({ type: 'ready' });
  child.say({ type: 'events', events: [{ type: 'state', stage: 'experts/1', state: 'running' }] });
  vi.advanceTimersByTime(50_000);
  child.say({ type: 'heartbeat', rssBytes: 1 });
  vi.advanceTimersByTime(patience.silence - 1);
  expect(child.received).toHaveLength(1);
  // Parts of the wait that had begun do not count.
  vi.advanceTimersByTime(5001);
  expect(child.received.at(-1)).toEqual({ type: 'stop' });
  expect(events.at(-1)).toMatchObject({ type: 'log', level: 'warn', message: expect.stringContaining('said nothing') });
  vi.advanceTimersByTime(patience.stop);
  child.onSignal = (signal) => signal === 'SIGKILL' && child.exit(null, signal);
  vi.advanceTimersByTime(patience.terminate);
  expect(child.signals).toEqual(['SIGTERM', 'SIGKILL']);
  const error = { code: 'ENGINE_HUNG', message: expect.stringContaining('60 s in experts/1') };
  expect(await running.outcome).toMatchObject({ kind: 'lost', error });
});

it('heartbeats keep it alive for ever, and one that hangs only after its end is asked for is only being stopped', async () => {
  const { child, running } = begin();
  child.say({ type: 'ready' });
  for (let beat = 0; beat < 100; beat++) {
    vi.advanceTimersByTime(30_000);
    child.say({ type: 'heartbeat', rssBytes: 1 });
  }
  expect(child.received).toHaveLength(1);
  running.stop();
  vi.advanceTimersByTime(patience.stop);
  expect(child.signals).toEqual(['SIGTERM']);
  child.exit(null, 'SIGTERM');
  expect(await running.outcome).toEqual({ kind: 'stopped' });
});

it('a night of sleep is not a hang: only time in which this process ran counts', () => {
  const { child } = begin();
  child.say({ type: 'ready' });
  // While the machine sleeps no timer fires, and every clock may jump; on waking one part of the wait ends.
  const wall = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 8 * 3600_000);
  const monotonic = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 8 * 3600_000);
  vi.advanceTimersByTime(5000);
  expect(child.received).toHaveLength(1);
  wall.mockReturnValue(0);
  monotonic.mockRestore();
  vi.advanceTimersByTime(50_000);
  expect(child.received).toHaveLength(1);
  wall.mockRestore();
  child.exit(0);
});

it.each<[string, number | null, NodeJS.Signals | null, (number | null)[], string, string]>([
  ['the kernel counts a kill', null, 'SIGKILL', [3, 4], 'OUT_OF_MEMORY', 'base.microBatch from 64 to 32'],
  ['a shell reports 137', 137, null, [3, 4], 'OUT_OF_MEMORY', 'base.microBatch from 64 to 32'],
  ['nobody counts', null, 'SIGKILL', [null, null], 'ENGINE_CRASHED', 'may have run out of memory'],
  ['a kill that was not for memory', null, 'SIGKILL', [3, 3], 'ENGINE_CRASHED', 'start again to go on'],
  ['a fault', null, 'SIGSEGV', [3, 3], 'ENGINE_CRASHED', 'wasm'],
  ['a fault by exit code', 139, null, [null, null], 'ENGINE_CRASHED', 'wasm'],
  ['an abort', null, 'SIGABRT', [3, 3], 'ENGINE_CRASHED', 'wasm'],
  ['an unknown instruction', null, 'SIGILL', [3, 3], 'ENGINE_UNSUITED', 'wasm'],
])('names an end without a word: %s', async (_, exitCode, signal, counts, code, advice) => {
  const { child, running } = begin(() => counts.shift()!);
  child.say({ type: 'ready' });
  child.say({ type: 'heartbeat', rssBytes: 3 * 2 ** 30 });
  child.exit(exitCode, signal);
  const outcome = await running.outcome;
  expect(outcome).toMatchObject({ kind: 'lost', error: { code, hint: expect.stringContaining(advice) } });
  if (code === 'OUT_OF_MEMORY') {
    expect(outcome).toMatchObject({
      error: { message: expect.stringContaining('3.0 GiB'), remedy: { field: 'base.microBatch', value: 32 } },
    });
  }
});

it('memory that runs out while images are drawn asks for smaller batches of those', async () => {
  const { child, running } = begin();
  child.say({ type: 'ready' });
  child.say({ type: 'events', events: [{ type: 'state', stage: 'evaluation', state: 'running' }] });
  const message = 'Array buffer allocation failed';
  child.end({ type: 'failed', error: { code: 'UNEXPECTED', message, hint: 'report it' } });
  expect(await running.outcome).toMatchObject({
    kind: 'failed',
    error: { code: 'OUT_OF_MEMORY', remedy: { field: 'sampling.batch', value: 32 } },
  });
});

it.each([
  ['terminate called after throwing std::bad_alloc', 'OUT_OF_MEMORY'],
  ['2 OP_REQUIRES failed: RESOURCE_EXHAUSTED: OOM when allocating tensor', 'OUT_OF_MEMORY'],
  ['write: No space left on device', 'DISK_FULL'],
  ['libcudart.so.12: cannot open shared object file', 'CUDA_LIBRARY_MISSING'],
  ['Segmentation fault', 'ENGINE_CRASHED'],
])('names a crash by the last words of its process: %s', async (line, code) => {
  const { child, running, events } = begin();
  child.say({ type: 'ready' });
  child.stderr.write(`I0000 All log messages before absl::InitializeLog() is called are written to STDERR\n${line}\n`);
  child.stderr.write('I0000 oneDNN custom operations are on.\n');
  child.exit(null, 'SIGABRT');
  expect(await running.outcome).toMatchObject({ kind: 'lost', error: { code } });
  expect(events).toEqual([{ type: 'log', level: 'warn', message: line }]);
});

it('a process that cannot be started is a failure in words', async () => {
  const running = superviseEngine({
    spawn: () => {
      throw new Error('spawn ENOENT');
    },
    task,
  });
  expect(await running.outcome).toMatchObject({ kind: 'failed', error: { code: 'ENGINE_NOT_STARTED' } });
});
