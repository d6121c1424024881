import { expect, it } from 'vitest';
import type { PipelineEvent } from '../../src/contract/events.js';
import { ProgressMeter } from '../../src/pipeline/progressMeter.js';

/** Times to go after reports of `done` at these seconds, of 100 units. */
function etas(reports: readonly (readonly [at: number, done: number])[]): (number | null)[] {
  const events: PipelineEvent[] = [];
  let now = 0;
  const meter = new ProgressMeter(
    (event) => events.push(event),
    'base',
    'steps',
    100,
    () => now,
  );
  for (const [at, done] of reports) {
    now = at;
    meter.report(done);
  }
  return events.map((event) => (event.type === 'progress' ? event.etaSeconds : Number.NaN));
}

it('a slow first step, which records the graph, promises nothing', () => {
  expect(
    etas([
      [0, 0],
      [20, 1],
      [21, 2],
      [22, 3],
    ]),
  ).toEqual([null, null, 98, 97]);
});

it('a resumed run is measured from where it goes on', () => {
  expect(
    etas([
      [0, 50],
      [9, 51],
      [11, 52],
      [13, 53],
    ]),
  ).toEqual([null, null, 96, 94]);
});

it('follows a change of speed within a window of 30 reports', () => {
  const fast = Array.from({ length: 10 }, (_, i) => [i, i] as const);
  const slow = Array.from({ length: 40 }, (_, i) => [10 + 2 * i, 10 + i] as const);
  expect(etas([...fast, ...slow]).at(-1)).toBe((100 - 49) * 2);
});

it('ends at zero', () => {
  expect(
    etas([
      [0, 0],
      [1, 50],
      [2, 100],
    ]).at(-1),
  ).toBe(0);
});
