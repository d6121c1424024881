import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { StreamMessage } from '../../src/contract/api.js';
import { EventHub } from '../../src/app/eventHub.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const seqs = (messages: readonly StreamMessage[]) =>
  messages.flatMap((message) => (message.type === 'events' ? [message.events.map(({ seq }) => seq)] : []));

it('sends at most ten messages a second, with every event in order', () => {
  const hub = new EventHub();
  const messages: StreamMessage[] = [];
  hub.subscribe((message) => messages.push(message));
  for (let moment = 0; moment < 1000; moment++) {
    hub.publish({ type: 'projects' });
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(100);
  const batches = seqs(messages);
  expect(batches.length).toBeLessThanOrEqual(11);
  expect(batches.flat()).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
});

const progress = (stage: string, done: number) =>
  ({
    type: 'pipeline',
    projectId: 'p',
    at: '2026-01-01T00:00:00.000Z',
    event: { type: 'progress', stage, done, total: 100, unit: 'step', etaSeconds: null },
  }) as const;
const state = (stage: string, now: 'running' | 'done') =>
  ({
    type: 'pipeline',
    projectId: 'p',
    at: '2026-01-01T00:00:00.000Z',
    event: { type: 'state', stage, state: now },
  }) as const;

it('counts of work come once a second, the newest of each stage; a change of state brings them along at once', () => {
  const hub = new EventHub();
  const messages: StreamMessage[] = [];
  hub.subscribe((message) => messages.push(message));
  hub.publish(progress('base', 1));
  hub.publish(progress('experts/0', 7));
  vi.advanceTimersByTime(999);
  expect(seqs(messages)).toEqual([]);
  hub.publish(progress('base', 2));
  vi.advanceTimersByTime(1);
  expect(seqs(messages)).toEqual([[2, 3]]);
  hub.publish(progress('base', 100));
  hub.publish(state('base', 'done'));
  hub.publish(state('base', 'running'));
  hub.publish(progress('base', 1));
  vi.advanceTimersByTime(100);
  expect(seqs(messages)).toEqual([
    [2, 3],
    [4, 5, 6, 7],
  ]);
  vi.advanceTimersByTime(10_000);
  expect(seqs(messages)).toHaveLength(2);
});

it('a reader that comes back gets exactly what it missed', () => {
  const hub = new EventHub();
  for (let count = 0; count < 30; count++) hub.publish({ type: 'projects' });
  const messages: StreamMessage[] = [];
  hub.subscribe((message) => messages.push(message), { epoch: hub.epoch, seq: 27 });
  vi.advanceTimersByTime(100);
  expect(messages[0]).toEqual({ type: 'hello', epoch: hub.epoch, seq: 27 });
  expect(seqs(messages)).toEqual([[28, 29, 30]]);
});

it('says so when what was missed is no longer kept, or never was', () => {
  const hub = new EventHub();
  for (let count = 0; count < 20_000; count++) hub.publish({ type: 'projects' });
  const first = (seq: number, epoch = hub.epoch) => {
    const messages: StreamMessage[] = [];
    hub.subscribe((message) => messages.push(message), { epoch, seq })();
    return messages[0];
  };
  expect(first(1)).toEqual({ type: 'reset', epoch: hub.epoch, seq: 20_000 });
  expect(first(20_001)).toEqual({ type: 'reset', epoch: hub.epoch, seq: 20_000 });
  expect(first(20_000, 'other')).toEqual({ type: 'reset', epoch: hub.epoch, seq: 20_000 });
  expect(first(19_990)).toEqual({ type: 'hello', epoch: hub.epoch, seq: 19_990 });
});

it('a reader that left hears nothing more', () => {
  const hub = new EventHub();
  const messages: StreamMessage[] = [];
  const leave = hub.subscribe((message) => messages.push(message));
  hub.publish({ type: 'projects' });
  leave();
  vi.advanceTimersByTime(1000);
  expect(messages).toHaveLength(1);
});

it('a reader that fails is let go, and the others hear all the same', () => {
  const hub = new EventHub();
  const messages: StreamMessage[] = [];
  let told = 0;
  hub.subscribe((message) => {
    if (message.type === 'events') {
      told += 1;
      throw new Error('the port is closed');
    }
  });
  hub.subscribe((message) => messages.push(message));
  for (let turn = 0; turn < 2; turn++) {
    hub.publish({ type: 'projects' });
    vi.advanceTimersByTime(100);
  }
  expect(seqs(messages)).toEqual([[1], [2]]);
  expect(told).toBe(1);
});
