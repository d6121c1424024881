import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import { ddimDeviation, ddimStep } from '../../src/sampling/ddim.js';
import { ddpmDeviation, ddpmStep } from '../../src/sampling/ddpm.js';
import { visitedTimesteps } from '../../src/sampling/timestepGrid.js';

interface RecordedStep {
  method: 'ddim' | 'ddpm';
  timestep: number;
  next: number | null;
  clip: boolean;
  eta?: number;
  variance?: 'small' | 'large';
  result: number[];
}
const recorded = JSON.parse(readFileSync(new URL('../golden/schedulers.json', import.meta.url), 'utf8')) as {
  x: number[];
  noise: number[];
  fresh: number[];
  cases: RecordedStep[];
};
const { alphaBar } = noiseSchedule({ schedule: 'linear', timesteps: 1000 });

describe('single steps recorded from diffusers', () => {
  it.each(recorded.cases)('$method $timestep to $next, clip $clip, eta $eta, variance $variance', (step) => {
    const now = alphaBar[step.timestep];
    const next = step.next === null ? 1 : alphaBar[step.next];
    const deviation =
      step.method === 'ddim' ? ddimDeviation(now, next, step.eta!) : ddpmDeviation(now, next, step.variance!);
    const found = (step.method === 'ddim' ? ddimStep : ddpmStep)({
      x: Float32Array.from(recorded.x),
      noise: Float32Array.from(recorded.noise),
      alphaBar: now,
      alphaBarNext: next,
      clip: step.clip,
      deviation,
      fresh: deviation > 0 ? Float32Array.from(recorded.fresh) : null,
    });
    step.result.forEach((value, i) => expect(Math.abs(found[i] - value)).toBeLessThan(1e-6 * (1 + Math.abs(value))));
  });
});

describe('reverse steps', () => {
  const quiet = { clip: true, deviation: 0, fresh: null };

  it.each([
    ['DDIM', ddimStep],
    ['DDPM', ddpmStep],
  ])('%s: a step between equal timesteps changes nothing, clipped or not', (_, step) => {
    const x = Float32Array.of(-2.5, -0.3, 0, 1.9);
    const noise = Float32Array.of(1, -2, 0.5, 2);
    for (const clip of [true, false]) {
      const found = step({ ...quiet, clip, x, noise, alphaBar: 0.4, alphaBarNext: 0.4 });
      found.forEach((value, i) => expect(value).toBeCloseTo(x[i], 6));
    }
    expect([ddimDeviation(0.4, 0.4, 1), ddpmDeviation(0.4, 0.4, 'large'), ddpmDeviation(0.4, 0.4, 'small')]).toEqual([
      0, 0, 0,
    ]);
  });

  it('DDPM takes the mean at the clipped image, not a clipped mean', () => {
    // alphaBar 0.25 -> 0.5: alpha 0.5, weights sqrt(0.5) 0.5 / 0.75 and sqrt(0.5) 0.5 / 0.75. Without noise x_0 = 4 / 0.5 = 8.
    const found = ddpmStep({
      ...quiet,
      x: Float32Array.of(4),
      noise: Float32Array.of(0),
      alphaBar: 0.25,
      alphaBarNext: 0.5,
    });
    expect(found[0]).toBeCloseTo((Math.SQRT1_2 * 2 * (1 + 4)) / 3, 5);
  });

  it('adds no noise after the last step', () => {
    expect([ddpmDeviation(0.9999, 1, 'large'), ddpmDeviation(0.9999, 1, 'small'), ddimDeviation(0.9999, 1, 1)]).toEqual(
      [0, 0, 0],
    );
  });

  it('DDIM with eta 1 is the ancestral step of small variance', () => {
    const fresh = Float32Array.of(0.7, -1.1);
    const step = { x: Float32Array.of(0.4, -0.9), noise: Float32Array.of(0.2, -0.8), alphaBar: 0.3, alphaBarNext: 0.6 };
    const small = ddpmDeviation(0.3, 0.6, 'small');
    expect(ddimDeviation(0.3, 0.6, 1)).toBeCloseTo(small, 12);
    const ancestral = ddpmStep({ ...step, clip: false, deviation: small, fresh });
    const implicit = ddimStep({ ...step, clip: false, deviation: small, fresh });
    implicit.forEach((value, i) => expect(value).toBeCloseTo(ancestral[i], 6));
  });

  it('DDIM carries Gaussian data along the probability flow: quantiles stay quantiles', () => {
    // Data N(mu, s^2): the flow maps x_T to mu + s (x_T - sqrt(alphaBar_T) mu) / sqrt(alphaBar_T s^2 + 1 - alphaBar_T).
    const [mu, s] = [0.3, 0.2];
    const start: Float32Array = Float32Array.of(-2, -0.5, 0, 1, 2.5);
    const visited = visitedTimesteps({ method: 'ddim', steps: 1000, grid: 'uniform' }, 1000);
    let x = start;
    visited.forEach((t, i) => {
      const kept = alphaBar[t];
      const noise = x.map((v) => (Math.sqrt(1 - kept) * (v - Math.sqrt(kept) * mu)) / (kept * s ** 2 + 1 - kept));
      x = ddimStep({ ...quiet, x, noise, alphaBar: kept, alphaBarNext: i < 999 ? alphaBar[visited[i + 1]] : 1 });
    });
    const last = alphaBar[999];
    const expected = start.map((v) => mu + (s * (v - Math.sqrt(last) * mu)) / Math.sqrt(last * s ** 2 + 1 - last));
    x.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(0.02 * s * (1 + Math.abs(start[i]))));
  });
});
