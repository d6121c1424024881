import type { Denoiser } from '../sampling/denoiser.js';
import { groupOfTimestep } from './timestepGroups.js';

export interface RouterOptions {
  /**
   * Experts opened by a function that stay open: `all` of them, or `one`, so that memory holds a single expert. A trajectory
   * runs through the groups in order, so it opens each expert once either way.
   */
  readonly resident?: 'all' | 'one';
}

/**
 * The denoiser that every sampler calls: each timestep goes to the expert of its group, chosen by the same integer timestep
 * that training used. A trajectory of descending timesteps changes expert at most N - 1 times.
 *
 * The router owns its experts: disposing it disposes all that are open.
 *
 * @param bounds N + 1 bounds of the groups
 * @param experts one denoiser per group, or a function that opens the expert of a group when it is first needed
 */
export function routeByTimestep(
  bounds: readonly number[],
  experts: readonly Denoiser[] | ((group: number) => Denoiser),
  options: RouterOptions = {},
): Denoiser {
  const isOpener = typeof experts === 'function';
  const open = new Map<number, Denoiser>(isOpener ? [] : experts.entries());

  function closeAll(): void {
    // One denoiser may serve several groups.
    for (const expert of new Set(open.values())) expert.dispose();
    open.clear();
  }

  function expertOf(group: number): Denoiser {
    const known = open.get(group);
    if (known !== undefined) return known;
    if (!isOpener) throw new RangeError(`group ${group} has no expert`);
    if (options.resident === 'one') closeAll();
    const expert = experts(group);
    open.set(group, expert);
    return expert;
  }

  return {
    predict: (x, count, timestep) => expertOf(groupOfTimestep(bounds, timestep)).predict(x, count, timestep),
    dispose: closeAll,
  };
}
