import type { SamplingConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';

/** Share of the timesteps that the quadratic grid spans, as in the DDIM reference code. */
const QUADRATIC_SPAN = 0.8;

/**
 * The timesteps a sampler calls the network with, in calling order: descending, duplicates kept, always `steps` of them.
 * DDIM and DDPM use the same grids (DDIM, arXiv 2010.02502, appendix D.2).
 *
 * - `uniform`: 0, s, 2s, ... with s = floor(T / steps), diffusers' "leading" spacing. With steps = T that is every timestep;
 *   where `steps` does not divide T the noisiest remainder is left out.
 * - `quadratic`: floor(linspace(0, sqrt(0.8 T), steps)^2), dense at little noise. It starts at 0.8 T and repeats its smallest
 *   timesteps (100 steps of T = 1000 hold 96 distinct values); published DDIM results include the repetitions.
 * - `trailing`: T - 1, T - 1 - s, ... with s = T / steps, rounded. It begins with the last timestep, where a schedule of zero
 *   terminal SNR has no signal, as the noise that sampling begins with has none (arXiv 2305.08891, section 3.3).
 *
 * @throws input error `STEPS_EXCEED_TIMESTEPS` for more steps than timesteps
 */
export function visitedTimesteps(
  sampling: Pick<SamplingConfig, 'method' | 'steps' | 'grid'>,
  timesteps: number,
): Int32Array {
  const { steps, grid } = sampling;
  if (steps > timesteps) {
    throw inputError(
      'STEPS_EXCEED_TIMESTEPS',
      `a sampler of ${steps} steps cannot run on ${timesteps} timesteps`,
      `choose at most ${timesteps} sampling steps`,
    );
  }
  return GRIDS[grid](steps, timesteps).reverse();
}

/** Ascending. */
const GRIDS: Readonly<Record<SamplingConfig['grid'], (steps: number, timesteps: number) => Int32Array>> = {
  uniform: uniformGrid,
  quadratic: quadraticGrid,
  trailing: (steps, timesteps) =>
    Int32Array.from({ length: steps }, (_, i) => Math.round(((i + 1) * timesteps) / steps) - 1),
};

function uniformGrid(steps: number, timesteps: number): Int32Array {
  const stride = Math.floor(timesteps / steps);
  return Int32Array.from({ length: steps }, (_, i) => i * stride);
}

function quadraticGrid(steps: number, timesteps: number): Int32Array {
  const end = Math.sqrt(QUADRATIC_SPAN * timesteps);
  const stride = steps > 1 ? end / (steps - 1) : 0;
  return Int32Array.from({ length: steps }, (_, i) => {
    // The last point is `end` itself, not a rounded product, or the grid could start one timestep early.
    const root = i > 0 && i === steps - 1 ? end : i * stride;
    return Math.floor(root * root);
  });
}
