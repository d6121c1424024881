import type { ExperimentConfig } from '../../contract/config.js';
import { designExperiment } from '../design.js';

/** Configs to compare the method with. All share the base, so its training is done once. */
export const BASELINES = ['full-size-experts', 'scratch-experts', 'reversed', 'base-longer'] as const;
export type Baseline = (typeof BASELINES)[number];

/**
 * The config of a baseline:
 *
 * - `full-size-experts`: no pruning, every group fine-tunes the whole base.
 * - `scratch-experts`: the pruned structures with new weights instead of the base's (the paper's single-stage training).
 * - `reversed`: the largest model at the other end; explicit ratios in reverse.
 * - `base-longer`: the unpruned base, fine-tuned on all timesteps with the training compute of all experts together (their
 *   budgets count, the search does not).
 *
 * The uniformly pruned baseline belongs to each project already, so it is left out of these.
 */
export function applyBaseline(baseline: Baseline, config: ExperimentConfig): ExperimentConfig {
  const { budget, experts } = config;
  const whole = { ...budget, rule: 'linear', k: 1 } as const;
  const shared = { ...config, evaluation: { ...config.evaluation, uniformBaseline: false } };
  switch (baseline) {
    case 'full-size-experts':
      return { ...shared, budget: whole };
    case 'scratch-experts':
      return { ...shared, experts: { ...experts, start: 'scratch' } };
    case 'reversed': {
      if (budget.rule === 'explicit') {
        return { ...shared, budget: { ...budget, ratios: budget.ratios?.toReversed() ?? null } };
      }
      const orientation = budget.orientation === 'high-snr' ? 'low-snr' : 'high-snr';
      return { ...shared, budget: { ...budget, rule: 'linear', orientation } };
    }
    case 'base-longer': {
      const computeRatio = designExperiment(config).groups.reduce((sum, group) => sum + group.budget, 0);
      return {
        ...shared,
        grouping: { ...config.grouping, method: 'uniform', groups: 1, bounds: null, minSize: 0, maxSize: 0 },
        budget: whole,
        experts: { ...experts, steps: Math.round(experts.steps * computeRatio), start: 'pruned' },
      };
    }
  }
}
