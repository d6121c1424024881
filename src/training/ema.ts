import type { BaseConfig } from '../contract/config.js';

export type EmaSettings = BaseConfig['ema'];

/**
 * Decay of the moving average of the weights at one update: `min(decay, (1 + n) / (10 + n))` with warm-up, which keeps a short
 * run from ending as an average over its initial weights; constant without.
 *
 * @param update 1-based count of optimizer updates, n in the formula
 * @returns decay in [0, 1): `ema = decay * ema + (1 - decay) * weights`
 */
export function emaDecayAt(update: number, config: EmaSettings): number {
  return config.warmup ? Math.min(config.decay, (1 + update) / (10 + update)) : config.decay;
}
