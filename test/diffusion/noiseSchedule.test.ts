import { describe, expect, it } from 'vitest';
import { addNoise } from '../../src/diffusion/forwardProcess.js';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';

const linear = noiseSchedule({ schedule: 'linear', timesteps: 1000 });
const cosine = noiseSchedule({ schedule: 'cosine', timesteps: 1000 });

describe('noise schedules', () => {
  // Computed in float64 from the definition of the DDPM schedule, outside this code.
  it.each([
    [0, 0.9999],
    [10, 0.997806],
    [100, 0.895141],
    [200, 0.656347],
    [250, 0.521423],
    [300, 0.394011],
    [500, 0.0777967],
    [700, 0.00686828],
    [900, 2.7024e-4],
    [999, 4.03583e-5],
  ])('linear alphaBar at t=%i is %d', (t, alphaBar) => {
    expect(linear.alphaBar[t] / alphaBar).toBeCloseTo(1, 4);
  });

  it.each([
    ['linear', linear, [40.0, 9.4, 0.42, -10.69, -24.73, -43.94], 258],
    ['cosine', cosine, [43.84, 15.42, 7.43, -0.11, -7.73, -86.15], 495],
  ] as const)('%s difficulty in decibels', (_, schedule, decibels, nearestToZero) => {
    const at = [0, 99, 249, 499, 749, 999].map((t) => schedule.snrDb[t]);
    at.forEach((db, i) => expect(Math.abs(db - decibels[i])).toBeLessThanOrEqual(0.005 + 1e-9));
    const magnitudes = schedule.snrDb.map(Math.abs);
    expect(magnitudes.indexOf(Math.min(...magnitudes))).toBe(nearestToZero);
  });

  it.each([2, 50, 4000])('both fall strictly over %i timesteps and stay inside (0, 1)', (timesteps) => {
    for (const kind of ['linear', 'cosine'] as const) {
      const { alphaBar, betas, snrDb } = noiseSchedule({ schedule: kind, timesteps });
      expect([alphaBar.length, betas.length, snrDb.length]).toEqual([timesteps, timesteps, timesteps]);
      expect(alphaBar.every((value, t) => value > 0 && value < (t === 0 ? 1 : alphaBar[t - 1]))).toBe(true);
      expect(snrDb.every((db, t) => Number.isFinite(db) && (t === 0 || db < snrDb[t - 1]))).toBe(true);
      expect(betas.every((beta) => beta > 0 && beta <= 0.999)).toBe(true);
    }
  });
});

describe('addNoise', () => {
  it('scales each image of a batch by its own timestep', () => {
    const x0 = Float32Array.of(1, -0.5, 1, -0.5);
    const noise = Float32Array.of(2, 0, 2, 0);
    const noised = addNoise(linear, x0, noise, Int32Array.of(100, 700));
    // sqrt and sqrt(1 - .) of the alphaBar listed above.
    const expected = [0.946119 + 2 * 0.323819, -0.473059, 0.0828751 + 2 * 0.99656, -0.0414375];
    expected.forEach((value, i) => expect(noised[i]).toBeCloseTo(value, 4));
  });
});
