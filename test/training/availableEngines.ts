import { StepAdaptError } from '../../src/contract/errors.js';
import type { EngineId } from '../../src/tensor/engine.js';
import { openEngine } from '../../src/tensor/openEngine.js';

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
