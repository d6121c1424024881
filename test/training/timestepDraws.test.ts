import { describe, expect, it } from 'vitest';
import { drawTimesteps, intervalOfTimesteps, type TimestepDraw } from '../../src/training/timestepDraws.js';

const key = { seed: 1, stream: 'test', index: 4 };
const COUNT = 20_000;

/** Largest |observed - expected| / standard deviation over the cells of a histogram. */
function worstDeviation(drawn: Int32Array, probability: (timestep: number) => number, timesteps: number): number {
  const counts = new Float64Array(timesteps);
  for (const timestep of drawn) counts[timestep]++;
  let worst = 0;
  for (let timestep = 0; timestep < timesteps; timestep++) {
    const p = probability(timestep);
    const deviation = Math.abs(counts[timestep] - drawn.length * p);
    worst = Math.max(worst, p === 0 ? deviation * 1e9 : deviation / Math.sqrt(drawn.length * p * (1 - p)));
  }
  return worst;
}

const drawing =
  (draw: TimestepDraw) =>
  (at: typeof key, count: number): Int32Array =>
    drawTimesteps(draw, at, count);

describe('an interval of timesteps', () => {
  it('draws every timestep of [from, to) equally often and no other', () => {
    const drawn = drawTimesteps(intervalOfTimesteps(10, 30), key, COUNT);
    expect(worstDeviation(drawn, (t) => (t >= 10 && t < 30 ? 1 / 20 : 0), 40)).toBeLessThan(4.5);
  });

  it('is a function of the key', () => {
    const draw = drawing(intervalOfTimesteps(0, 1000));
    expect(draw(key, 50)).toEqual(draw({ ...key }, 50));
    for (const other of [{ seed: 2 }, { stream: 'other' }, { index: 5 }]) {
      expect(draw({ ...key, ...other }, 50)).not.toEqual(draw(key, 50));
    }
  });
});

describe('the timesteps of a group', () => {
  it('without overlap and outside draws stays in the group', () => {
    const draw = drawing({ from: 10, to: 30, timesteps: 40, overlap: 0, outsideProbability: 0 });
    expect(worstDeviation(draw(key, COUNT), (t) => (t >= 10 && t < 30 ? 1 / 20 : 0), 40)).toBeLessThan(4.5);
  });

  it('widens the group by the overlap, cut off at the ends of the process', () => {
    const first = drawing({ from: 0, to: 10, timesteps: 40, overlap: 5, outsideProbability: 0 });
    expect(worstDeviation(first(key, COUNT), (t) => (t < 15 ? 1 / 15 : 0), 40)).toBeLessThan(4.5);
    const last = drawing({ from: 30, to: 40, timesteps: 40, overlap: 5, outsideProbability: 0 });
    expect(worstDeviation(last(key, COUNT), (t) => (t >= 25 ? 1 / 15 : 0), 40)).toBeLessThan(4.5);
  });

  it('mixes in timesteps of the whole process with the given probability', () => {
    const draw = drawing({ from: 10, to: 30, timesteps: 40, overlap: 0, outsideProbability: 0.25 });
    const probability = (t: number) => 0.25 / 40 + (t >= 10 && t < 30 ? 0.75 / 20 : 0);
    expect(worstDeviation(draw(key, COUNT), probability, 40)).toBeLessThan(4.5);
  });

  it('antithetic timesteps come in pairs that mirror each other, each as likely as before', () => {
    const draw = drawing({
      from: 10,
      to: 30,
      timesteps: 40,
      overlap: 2,
      outsideProbability: 0,
      antithetic: true,
    });
    const drawn = draw(key, COUNT);
    for (let image = 0; image < COUNT; image += 2) expect(drawn[image] + drawn[image + 1]).toBe(8 + 32 - 1);
    const first = drawn.filter((_, image) => image % 2 === 0);
    expect(worstDeviation(first, (t) => (t >= 8 && t < 32 ? 1 / 24 : 0), 40)).toBeLessThan(4.5);
    expect(draw(key, 7)).toEqual(drawn.slice(0, 7));
  });
});
