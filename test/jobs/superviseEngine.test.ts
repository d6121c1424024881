import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import type { PipelineEvent } from '../../src/contract/events.js';
import { superviseEngine } from '../../src/jobs/superviseEngine.js';
import { FakeEngines, type FakeChild } from './fakeEngine.js';

const task = { type: 'run', project: 'p.stepadapt', config: configSchema.parse({}), until: null } as const;
const patience = { ready: 1000, stop: 2000, terminate: 500 };

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

function begin(): {
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
