import { StepAdaptError } from '../../src/contract/errors.js';
import type { UNetSpec } from '../../src/model/spec.js';
import type { EngineId } from '../../src/tensor/engine.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { createTrainStep } from '../../src/training/createTrainStep.js';
import { createEagerTrainStep } from '../../src/training/eagerTrainStep.js';
import type { OptimizerState, TrainStep } from '../../src/training/trainStep.js';

/** The engines that this machine has; the portable one always is. */
export async function availableEngines(): Promise<EngineId[]> {
  try {
    await openEngine('native');
    return ['wasm', 'native'];
  } catch (error) {
    if (error instanceof StepAdaptError && error.code === 'ENGINE_UNAVAILABLE') return ['wasm'];
    throw error;
  }
}

/** The training steps that this machine can run, by name, with the engine that each needs open. */
export async function availableTrainSteps(): Promise<
  { name: string; engine: EngineId; create: (spec: UNetSpec, state: OptimizerState) => TrainStep }[]
> {
  const engines = await availableEngines();
  const eager = engines.map((engine) => ({ name: `eager on ${engine}`, engine, create: createEagerTrainStep }));
  if (!engines.includes('native')) {
    console.warn('compiled training steps are not tested: the native tensor library is not installed');
    return eager;
  }
  const compiled = (spec: UNetSpec, state: OptimizerState) =>
    createTrainStep(spec, state, {
      warn(message) {
        throw new Error(message);
      },
    });
  return [...eager, { name: 'compiled on native', engine: 'native', create: compiled }];
}
