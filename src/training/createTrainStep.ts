import type { UNetSpec } from '../model/spec.js';
import { createEagerTrainStep } from './eagerTrainStep.js';
import type { OptimizerState, TrainStep } from './trainStep.js';

/** The fastest training step the open engine has for this network. */
export function createTrainStep(spec: UNetSpec, state: OptimizerState): TrainStep {
  return createEagerTrainStep(spec, state);
}
