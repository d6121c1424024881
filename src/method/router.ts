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
 * @param experts one denoiser per group, or a function that opens the expert of a group when it is first needed; one that takes
 *   its time needs `prepare` before every prediction
 */
export function routeByTimestep(
  bounds: readonly number[],
  experts: readonly Denoiser[] | ((group: number) => Denoiser | Promise<Denoiser>),
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
    if (expert instanceof Promise) throw new Error(`the expert of group ${group} was not prepared`);
    open.set(group, expert);
    return expert;
  }

  async function prepare(timestep: number): Promise<void> {
    const group = groupOfTimestep(bounds, timestep);
    if (open.has(group) || !isOpener) return;
    if (options.resident === 'one') closeAll();
    open.set(group, await experts(group));
  }

  return {
    prepare,
    predict: (x, count, timestep) => expertOf(groupOfTimestep(bounds, timestep)).predict(x, count, timestep),
    dispose: closeAll,
  };
}
