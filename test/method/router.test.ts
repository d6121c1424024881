import { describe, expect, it } from 'vitest';
import { samplingSchema } from '../../src/contract/config.js';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import { routeByTimestep } from '../../src/method/router.js';
import type { Denoiser } from '../../src/sampling/denoiser.js';
import { sampleImages } from '../../src/sampling/sampleImages.js';
import { visitedTimesteps } from '../../src/sampling/timestepGrid.js';

const bounds = [0, 153, 394, 624, 823, 1000];
const schedule = noiseSchedule({ schedule: 'linear', timesteps: 1000 });

/** Depends on pixel and timestep; remembers who was called and disposed. */
function fakeDenoiser(name: number, log: string[] = []): Denoiser {
  return {
    predict: (x, _count, timestep) => {
      log.push(`call ${name}`);
      return { noise: x.map((value) => Math.sin(3 * value) + timestep / 1000) };
    },
    dispose: () => log.push(`dispose ${name}`),
  };
}

const changes = (names: readonly string[]) => names.filter((name, i) => i > 0 && name !== names[i - 1]).length;

describe('routeByTimestep', () => {
  it.each(['ddim', 'ddpm'] as const)('N copies of one denoiser give its %s samples bit for bit', async (method) => {
    const sampling = samplingSchema.parse({ method, steps: 30, grid: 'quadratic', eta: 0.5 });
    const options = { schedule, sampling, count: 3, size: 4, channels: 3, seed: 7 };
    const base = await sampleImages({ ...options, denoiser: fakeDenoiser(0) });
    const copies = routeByTimestep(
      bounds,
      [0, 1, 2, 3, 4].map((group) => fakeDenoiser(group)),
    );
    expect(await sampleImages({ ...options, denoiser: copies })).toEqual(base);
  });

  it('calls the expert of the timestep, and changes expert at most N - 1 times a trajectory', () => {
    const log: string[] = [];
    const router = routeByTimestep(
      bounds,
      [0, 1, 2, 3, 4].map((group) => fakeDenoiser(group, log)),
    );
    const x = new Float32Array(1);
    visitedTimesteps({ method: 'ddim', steps: 100, grid: 'uniform' }, 1000).forEach((t) => router.predict(x, 1, t));
    expect(changes(log)).toBe(4);
    const called = log.filter((line, i) => line !== log[i - 1]);
    expect(called).toEqual(['call 4', 'call 3', 'call 2', 'call 1', 'call 0']);
  });

  it('opens experts when they are first needed and keeps them', () => {
    const log: string[] = [];
    const open = (group: number) => {
      log.push(`open ${group}`);
      return fakeDenoiser(group, log);
    };
    const router = routeByTimestep(bounds, open);
    for (const t of [900, 850, 10, 900]) router.predict(new Float32Array(1), 1, t);
    router.dispose();
    expect(log).toEqual(['open 4', 'call 4', 'call 4', 'open 0', 'call 0', 'call 4', 'dispose 4', 'dispose 0']);
  });

  it('keeps one expert in memory when asked to', () => {
    const log: string[] = [];
    const open = (group: number) => {
      log.push(`open ${group}`);
      return fakeDenoiser(group, log);
    };
    const router = routeByTimestep(bounds, open, { resident: 'one' });
    for (const t of [900, 850, 10]) router.predict(new Float32Array(1), 1, t);
    router.dispose();
    expect(log).toEqual(['open 4', 'call 4', 'call 4', 'dispose 4', 'open 0', 'call 0', 'dispose 0']);
  });

  it('waits for experts that are read from disk, one at a time, and gives the same samples', async () => {
    const sampling = samplingSchema.parse({ method: 'ddpm', steps: 30, grid: 'uniform' });
    const options = { schedule, sampling, count: 3, size: 4, channels: 3, seed: 7 };
    const groups = [0, 1, 2, 3, 4];
    const resident = routeByTimestep(
      bounds,
      groups.map((group) => fakeDenoiser(group)),
    );
    const log: string[] = [];
    const open = async (group: number) => {
      await Promise.resolve();
      log.push(`open ${group}`);
      return fakeDenoiser(group, log);
    };
    const read = routeByTimestep(bounds, open, { resident: 'one' });
    expect(await sampleImages({ ...options, denoiser: read })).toEqual(
      await sampleImages({ ...options, denoiser: resident }),
    );
    read.dispose();
    const opened = log.filter((line) => line.startsWith('open'));
    expect(opened).toEqual(['open 4', 'open 3', 'open 2', 'open 1', 'open 0']);
    expect(log.indexOf('dispose 4')).toBeLessThan(log.indexOf('open 3'));
  });

  it('refuses a prediction whose expert was not waited for', () => {
    const router = routeByTimestep(bounds, async (group) => fakeDenoiser(group));
    expect(() => router.predict(new Float32Array(1), 1, 900)).toThrow('not prepared');
  });

  it('disposes a denoiser that serves several groups once', () => {
    const log: string[] = [];
    const shared = fakeDenoiser(9, log);
    routeByTimestep([0, 5, 10], [shared, shared]).dispose();
    expect(log).toEqual(['dispose 9']);
  });
});
