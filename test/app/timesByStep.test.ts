import { expect, it } from 'vitest';
import { timesByStep } from '../../src/app/runViews.js';

it('counts the time of work alone: not the pause between two sittings, nor updates that were done twice', () => {
  const times = timesByStep([
    { step: 0, at: 10_000, begins: true },
    { step: 1, at: 12_000 },
    { step: 2, at: 15_000 },
    { step: 2, at: 900_000, begins: true },
    { step: 3, at: 901_500 },
  ]);
  expect(times.get(1)).toEqual({ at: 12_000, elapsed: 2 });
  expect(times.get(2)!.elapsed).toBe(5);
  expect(times.get(3)).toEqual({ at: 901_500, elapsed: 6.5 });
  expect(timesByStep([]).size).toBe(0);
});
