import type { ExperimentConfig, Precision } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import type { LossWeightConfig } from './lossWeight.js';
import { noiseSchedule, type NoiseSchedule } from './noiseSchedule.js';
import type { PredictionKind } from './prediction.js';

/** What a network learns: from which noise, to predict what, with which weight. */
export interface Objective {
  readonly schedule: NoiseSchedule;
  readonly prediction: PredictionKind;
  /** Whether the network has a second half of output channels for the variance of a step. */
  readonly learnedVariance: boolean;
  readonly weight: LossWeightConfig;
  /** Arithmetic of the network's convolutions and matrix products while it trains and samples. */
  readonly precision: Precision;
}

/**
 * The objective of an experiment.
 * @throws input error `NOTHING_TO_PREDICT` for noise prediction with zero terminal SNR: x_t is the noise there, and the network
 *   would be asked to say what the image is by repeating it
 */
export function trainingObjective({
  diffusion,
  base,
  precision = 'float32',
}: Pick<ExperimentConfig, 'diffusion' | 'base'> & Partial<Pick<ExperimentConfig, 'precision'>>): Objective {
  if (diffusion.zeroTerminalSnr && diffusion.prediction === 'epsilon') {
    throw inputError(
      'NOTHING_TO_PREDICT',
      'a network that predicts the noise cannot start from a timestep without signal (diffusion.zeroTerminalSnr)',
      'set diffusion.prediction to "v" or "x0", or diffusion.zeroTerminalSnr to false',
    );
  }
  return {
    schedule: noiseSchedule(diffusion),
    prediction: diffusion.prediction,
    learnedVariance: diffusion.variance === 'learned-range',
    weight: base,
    precision,
  };
}
