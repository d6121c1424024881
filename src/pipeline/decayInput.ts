import type { BaseConfig } from '../contract/config.js';

/**
 * The part of a stage's inputs that says how the learning rate falls. Undefined for a constant rate, which leaves no trace in the
 * inputs' hash: results from before there was a choice stay valid.
 */
export function decayInput({ learningRateDecay }: Pick<BaseConfig, 'learningRateDecay'>): {
  learningRateDecay: 'cosine' | undefined;
} {
  return { learningRateDecay: learningRateDecay === 'none' ? undefined : learningRateDecay };
}
