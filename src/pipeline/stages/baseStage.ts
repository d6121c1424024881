import type { ExperimentConfig } from '../../contract/config.js';
import { initialiseWeights } from '../../model/initialise.js';
import { intervalOfTimesteps } from '../../training/timestepDraws.js';
import { decayInput } from '../decayInput.js';
import { trainingMacs } from '../ledger.js';
import type { Stage } from '../stage.js';
import { takeImportedBase } from '../importedBase.js';
import { trainNetwork } from '../trainNetwork.js';

/** Stage 1 of the paper: one denoiser for all timesteps. */
export function baseStage(config: ExperimentConfig): Stage {
  return {
    id: 'base',
    after: [],
    inputs: {
      seed: config.seed,
      data: config.data,
      diffusion: config.diffusion,
      model: config.model,
      base: trained(config),
      ...(config.base.imported !== null && { imported: config.base.imported }),
      // The stages after this one inherit it. Left out where it is the default: results of earlier versions stay valid.
      ...(config.precision !== 'float32' && { precision: config.precision }),
    },
    async run(context) {
      const { design } = context;
      if (config.base.imported !== null) {
        await takeImportedBase(context, config.base.imported);
        return {};
      }
      await trainNetwork(context, {
        spec: design.spec,
        initial: initialiseWeights(design.spec, config.seed),
        steps: config.base.steps,
        learningRate: config.base.learningRate,
        rateField: 'base.learningRate',
        warmup: config.base.warmup,
        learningRateDecay: config.base.learningRateDecay,
        common: config.base,
        sampleEvery: config.base.sampleEvery,
        draw: intervalOfTimesteps(0, config.diffusion.timesteps),
      });
      return { training: trainingMacs(config.base.steps * config.base.batch, design.baseMacs) };
    },
  };
}

/** The settings that decide the trained weights; how often they are saved or shown does not. */
function trained(config: ExperimentConfig): unknown {
  const { steps, batch, learningRate, warmup, clip, ema, lossWeight, minSnrGamma, p2K, p2Gamma } = config.base;
  return {
    ...{ steps, batch, learningRate, warmup, clip, ema, lossWeight, minSnrGamma, p2K, p2Gamma },
    ...decayInput(config.base),
  };
}
