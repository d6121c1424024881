import { describe, expect, test } from 'vitest';
import type { AppEvent } from '../../src/contract/api.js';
import type { PipelineEvent } from '../../src/contract/events.js';
import { advance, feedFromSnapshot, overallProgress, type RunFeed } from '../../renderer/lib/runFeed.js';

const stage = (id: string) => ({ id, state: 'pending' as const, progress: 0, etaSeconds: null, work: null });

function feed(seq = 10): RunFeed {
  return feedFromSnapshot('p', {
    seq,
    epoch: 'e',
    job: null,
    stages: [stage('base'), stage('grouping')],
    time: { workedSeconds: 0, remainingSeconds: null, remainingAtMostSeconds: null },
    metrics: [],
    samples: [],
    drawn: [],
    log: [],
  });
}

let clock = 0;
const event = (seq: number, happened: PipelineEvent, projectId = 'p'): AppEvent => ({
  seq,
  type: 'pipeline',
  projectId,
  at: new Date((clock += 1000)).toISOString(),
  event: happened,
});
const loss = (seq: number, step: number, value: number) =>
  event(seq, { type: 'metric', stage: 'base', step, values: { loss: value } });

describe('events after a snapshot', () => {
  test('those that the snapshot contains change nothing', () => {
    const before = feed(10);
    expect(advance(before, [loss(9, 1, 5), loss(10, 2, 5)])).toBe(before);
  });

  test('one that comes twice counts once', () => {
    const once = advance(feed(), [loss(11, 1, 5)]);
    expect(advance(once, [loss(11, 1, 5)])).toBe(once);
  });

  test('those of other projects leave everything as it was', () => {
    const after = advance(feed(), [event(11, { type: 'log', level: 'info', message: 'elsewhere' }, 'q')]);
    expect(after).toEqual({ ...feed(), seq: 11 });
  });

  test('a resumed training replaces the steps that it computes again', () => {
    const before = advance(feed(), [loss(11, 1, 9), loss(12, 2, 8), loss(13, 3, 7)]);
    const after = advance(before, [loss(14, 2, 4)]);
    expect(after.metrics[0].steps).toEqual([1, 2]);
    expect(after.metrics[0].loss).toEqual([9, 4]);
  });

  test('columns of a series stay of equal length and bounded over a long run', () => {
    let long = feed();
    for (let step = 1; step <= 5000; step++) long = advance(long, [loss(10 + step, step, 1 / step)]);
    const [series] = long.metrics;
    const { steps, loss: losses, gradientNorm, learningRate, lossByTimestep } = series;
    const lengths = new Set([steps, losses, gradientNorm, learningRate, lossByTimestep].map(({ length }) => length));
    expect(lengths.size).toBe(1);
    expect(series.steps.length).toBeLessThanOrEqual(2000);
    expect([series.steps[0], series.steps.at(-1)]).toEqual([1, 5000]);
  });

  test('progress moves its stage and measures its speed', () => {
    const progress = (seq: number, done: number) =>
      event(seq, { type: 'progress', stage: 'base', done, total: 100, unit: 'step', etaSeconds: 7 });
    const after = advance(feed(), [progress(11, 20), progress(12, 25)]);
    expect(after.stages[0]).toMatchObject({ state: 'running', progress: 0.25, etaSeconds: 7 });
    expect(after.speed?.perSecond).toBeCloseTo(5, 10);
  });

  test('a stage that is done is done to the end', () => {
    const after = advance(feed(), [event(11, { type: 'state', stage: 'base', state: 'done' })]);
    expect(after.stages[0]).toMatchObject({ state: 'done', progress: 1, etaSeconds: 0 });
    expect(overallProgress(after.stages)).toBe(0.5);
  });

  test('the log tells of stages and of what the run says', () => {
    const after = advance(feed(), [
      event(11, { type: 'state', stage: 'base', state: 'running' }),
      event(12, { type: 'log', level: 'warn', message: 'slow' }),
      event(13, { type: 'state', stage: 'base', state: 'failed' }),
    ]);
    expect(after.log.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'info base: running',
      'warn slow',
      'error base: failed',
    ]);
  });

  test('a sample of the same step replaces the earlier one', () => {
    const sample = (seq: number, path: string) => event(seq, { type: 'sample', stage: 'base', step: 5, path });
    const after = advance(feed(), [sample(11, 'old'), sample(12, 'new')]);
    expect(after.samples).toEqual([{ stage: 'base', step: 5, image: 'new' }]);
  });
});

test('a stale stage is no progress', () => {
  expect(overallProgress([{ ...stage('base'), state: 'stale', progress: 1 }])).toBe(0);
});
