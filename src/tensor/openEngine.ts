// tfjs-core's build for Node leaves out the gradients of its operations; loading the full package registers them.
import '@tensorflow/tfjs';
import { StepAdaptError } from '../contract/errors.js';
import type { Engine, EngineId } from './engine.js';
import { openNativeEngine } from './nativeEngine.js';
import { openWasmEngine } from './wasmEngine.js';

/**
 * Opens an engine and makes it the one that runs every tensor operation of this process.
 *
 * @param choice `auto` takes the native engine where it is installed, else the portable one
 * @throws failure `ENGINE_UNAVAILABLE` when the chosen engine is missing or does not load
 */
export async function openEngine(choice: 'auto' | EngineId): Promise<Engine> {
  if (choice === 'wasm') return openWasmEngine();
  try {
    return await openNativeEngine();
  } catch (error) {
    const missing = error instanceof StepAdaptError && error.code === 'ENGINE_UNAVAILABLE';
    if (choice === 'auto' && missing) return openWasmEngine();
    throw error;
  }
}
