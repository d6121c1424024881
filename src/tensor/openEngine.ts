import { createRequire } from 'node:module';
import { StepAdaptError } from '../contract/errors.js';
import type { Engine, EngineId } from './engine.js';
import { openNativeEngine } from './nativeEngine.js';
import type { Work } from './parallelism.js';

/**
 * Opens an engine and makes it the one that runs every tensor operation of this process.
 *
 * @param choice `auto` takes the native engine where it is installed, else the portable one
 * @param work what the process is going to compute; left out, the threads share every operation's work. Decided once in a process.
 * @throws failure `ENGINE_UNAVAILABLE` when the chosen engine is missing or does not load
 */
export async function openEngine(choice: 'auto' | EngineId, work: Work | null = null): Promise<Engine> {
  // tfjs-core's build for Node leaves out the gradients of its operations; loading the full package registers them. Required,
  // not imported: Node would first read all of it for names to import, which takes three times as long.
  createRequire(import.meta.url)('@tensorflow/tfjs');
  if (choice === 'wasm') return openPortableEngine();
  try {
    return await openNativeEngine(work);
  } catch (error) {
    const missing = error instanceof StepAdaptError && error.code === 'ENGINE_UNAVAILABLE';
    if (choice === 'auto' && missing) return openPortableEngine();
    throw error;
  }
}

/** Loaded when it is wanted: its program takes a tenth of a second. */
async function openPortableEngine(): Promise<Engine> {
  const { openWasmEngine } = await import('./wasmEngine.js');
  return openWasmEngine();
}
