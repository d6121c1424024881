import { mkdir } from 'node:fs/promises';
import type { ExperimentConfig } from '../../contract/config.js';
import { intervalOfTimesteps } from '../../training/timestepDraws.js';
import { decayInput } from '../decayInput.js';
import { trainingMacs } from '../ledger.js';
import { pruneNetwork } from '../pruneNetwork.js';
import type { Stage } from '../stage.js';
import { trainedNetwork } from '../trainedWeights.js';
import { trainNetwork } from '../trainNetwork.js';
import { multipleInput } from '../widthMultiple.js';

/**
 * The baseline to beat: one network pruned by the same ratio everywhere (as Diff-Pruning does, arXiv 2305.10924) to the
 * experts' mean MACs, fine-tuned on all timesteps for as many steps as all experts together.
 */
export function uniformStage(config: ExperimentConfig): Stage {
  const { learningRate, warmup, learningRateDecay } = config.experts;
  const steps = config.experts.steps * config.grouping.groups;
  const pruning = { ...config.pruning, allocator: 'uniform' as const, rounds: 0 };
  const { importance, evidence, minimumKeep, normPolicy, scope } = pruning;
  return {
    id: 'uniform',
    after: ['base', 'grouping', ...(pruning.cost === 'latency' ? ['latency'] : [])],
    inputs: {
      pruning: { importance, evidence, minimumKeep, normPolicy, scope, ...multipleInput(pruning) },
      tuning: { steps, learningRate, warmup, ...decayInput(config.experts) },
    },
    async run(context) {
      const { design, store } = context;
      await mkdir(context.folder, { recursive: true });
      const timesteps = config.diffusion.timesteps;
      const draw = intervalOfTimesteps(0, timesteps);
      const { weights: base } = await trainedNetwork(store, 'base');
      const pruned = await pruneNetwork(context, {
        base,
        index: design.groups.length,
        from: 0,
        to: timesteps,
        ratio: design.meanBudget,
        pruning,
        draw,
      });
      await trainNetwork(context, {
        spec: pruned.spec,
        initial: pruned.weights,
        steps,
        learningRate,
        rateField: 'experts.learningRate',
        warmup,
        learningRateDecay,
        common: config.base,
        sampleEvery: 0,
        draw,
      });
      return {
        training: trainingMacs(steps * config.base.batch, pruned.result.macs),
        search: pruned.result.searchMacs,
      };
    },
  };
}
