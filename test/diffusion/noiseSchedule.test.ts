import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { groupingSchema } from '../../src/contract/config.js';
import { addNoise } from '../../src/diffusion/forwardProcess.js';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import { partitionTimesteps } from '../../src/method/partition.js';

/** Recorded from diffusers by `python test/golden/make_schedules.py`. */
const recorded = JSON.parse(readFileSync(new URL('../golden/schedules.json', import.meta.url), 'utf8')) as {
  timesteps: number[];
  betas: Record<'linear' | 'scaled-linear' | 'cosine' | 'sigmoid', number[]>;
  zeroTerminalSnr: Record<'linear' | 'scaled-linear', { betas: number[]; alphaBar: number[] }>;
};

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

  it.each([2, 50, 4000])('all fall strictly over %i timesteps and stay inside (0, 1)', (timesteps) => {
    for (const kind of ['linear', 'scaled-linear', 'cosine', 'sigmoid'] as const) {
      const { alphaBar, betas, snrDb } = noiseSchedule({ schedule: kind, timesteps });
      expect([alphaBar.length, betas.length, snrDb.length]).toEqual([timesteps, timesteps, timesteps]);
      expect(alphaBar.every((value, t) => value > 0 && value < (t === 0 ? 1 : alphaBar[t - 1]))).toBe(true);
      expect(snrDb.every((db, t) => Number.isFinite(db) && (t === 0 || db < snrDb[t - 1]))).toBe(true);
      expect(betas.every((beta) => beta > 0 && beta <= 0.999)).toBe(true);
    }
  });

  it.each(['linear', 'scaled-linear', 'cosine', 'sigmoid'] as const)('%s has the betas of diffusers', (kind) => {
    const { betas } = noiseSchedule({ schedule: kind, timesteps: 1000 });
    // Theirs are rounded to float32 on the way.
    recorded.timesteps.forEach((t, i) =>
      expect(Math.abs(betas[t] / recorded.betas[kind][i] - 1), `t=${t}`).toBeLessThan(2e-6),
    );
  });
});

describe('zero terminal SNR', () => {
  it.each(['linear', 'scaled-linear'] as const)('rescales %s as diffusers does', (kind) => {
    const { betas, alphaBar } = noiseSchedule({ schedule: kind, timesteps: 1000, zeroTerminalSnr: true });
    recorded.timesteps.forEach((t, i) => {
      expect(betas[t]).toBeCloseTo(recorded.zeroTerminalSnr[kind].betas[i], 10);
      expect(alphaBar[t]).toBeCloseTo(recorded.zeroTerminalSnr[kind].alphaBar[i], 10);
    });
  });

  it.each(['linear', 'scaled-linear', 'cosine', 'sigmoid'] as const)(
    '%s ends without signal and begins as before',
    (kind) => {
      for (const timesteps of [2, 50, 4000]) {
        const before = noiseSchedule({ schedule: kind, timesteps });
        const after = noiseSchedule({ schedule: kind, timesteps, zeroTerminalSnr: true });
        expect(after.alphaBar[0]).toBeCloseTo(before.alphaBar[0], 14);
        expect([after.alphaBar[timesteps - 1], after.betas[timesteps - 1]]).toEqual([0, 1]);
        // Finite, so that groups can be cut and JSON can hold it, and still in order.
        expect(after.snrDb.every((db, t) => Number.isFinite(db) && (t === 0 || db < after.snrDb[t - 1]))).toBe(true);
        expect(after.snrDb[timesteps - 2] - after.snrDb[timesteps - 1]).toBeCloseTo(10, 10);
      }
    },
  );

  it('can be cut into groups by difficulty', () => {
    const schedule = noiseSchedule({ schedule: 'cosine', timesteps: 1000, zeroTerminalSnr: true });
    const { bounds, cost } = partitionTimesteps(groupingSchema.parse({ method: 'dp-snr', groups: 4 }), schedule);
    expect(bounds.every((bound, j) => j === 0 || bound > bounds[j - 1])).toBe(true);
    expect(cost).toBeGreaterThan(0);
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
