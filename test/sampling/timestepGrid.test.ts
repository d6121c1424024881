import { describe, expect, it } from 'vitest';
import { visitedTimesteps } from '../../src/sampling/timestepGrid.js';

const visited = (steps: number, grid: 'uniform' | 'quadratic' | 'trailing', timesteps = 1000) => [
  ...visitedTimesteps({ method: 'ddim', steps, grid }, timesteps),
];

describe('visitedTimesteps', () => {
  it('uniform: 990, 980, ..., 0 for 100 steps, never 999', () => {
    expect(visited(100, 'uniform')).toEqual(Array.from({ length: 100 }, (_, i) => 990 - 10 * i));
  });

  it('uniform: every timestep when steps equal timesteps', () => {
    expect(visited(1000, 'uniform')).toEqual(Array.from({ length: 1000 }, (_, i) => 999 - i));
  });

  it('uniform: exactly as many steps as asked when they do not divide the timesteps', () => {
    expect(visited(3, 'uniform', 10)).toEqual([6, 3, 0]);
    expect(visited(30, 'uniform').slice(0, 3)).toEqual([957, 924, 891]);
    expect(visited(30, 'uniform')).toHaveLength(30);
  });

  // np.floor(np.linspace(0, np.sqrt(0.8 * T), S) ** 2), numpy 2
  it.each([
    [100, 1000, 96, [800, 783, 768, 752]],
    [50, 1000, 49, [800, 767, 736, 705]],
    [10, 100, 9, [80, 63, 48, 35]],
  ])('quadratic: %i steps of %i hold %i distinct timesteps', (steps, timesteps, distinct, first) => {
    const found = visited(steps, 'quadratic', timesteps);
    expect(found).toHaveLength(steps);
    expect(new Set(found).size).toBe(distinct);
    expect(found.slice(0, first.length)).toEqual(first);
  });

  it('quadratic: repeats the timesteps of least noise', () => {
    const found = visited(100, 'quadratic');
    expect(found.filter((t) => t === 0)).toHaveLength(4);
    expect(found.filter((t) => t === 2)).toHaveLength(2);
  });

  it('refuses more steps than timesteps', () => {
    expect(() => visited(11, 'uniform', 10)).toThrow(expect.objectContaining({ code: 'STEPS_EXCEED_TIMESTEPS' }));
  });

  it('trailing begins with the last timestep, as diffusers spaces it', () => {
    // numpy: np.round(np.arange(1000, 0, -1000 / 7)) - 1
    expect(visited(7, 'trailing')).toEqual([999, 856, 713, 570, 428, 285, 142]);
    expect(visited(10, 'trailing')).toEqual([999, 899, 799, 699, 599, 499, 399, 299, 199, 99]);
    expect(visited(1000, 'trailing')).toEqual(visited(1000, 'uniform'));
  });
});
