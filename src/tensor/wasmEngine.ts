import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { setWasmPaths, version_wasm } from '@tensorflow/tfjs-backend-wasm';
import type { Engine } from './engine.js';
import { setImageParts } from './parallelism.js';
import { registerWasmKernels } from './wasmKernels.js';

/**
 * Selects the portable engine: tfjs's WebAssembly backend with SIMD, and the kernels it lacks. It computes on one thread,
 * because the package switches threads off in Node: its threaded program starts its workers from `blob:` addresses, which Node's
 * `worker_threads` refuse (`ERR_WORKER_PATH`; issue 3830 of tfjs).
 */
export async function openWasmEngine(): Promise<Engine> {
  const packageFile = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
  setWasmPaths(join(dirname(packageFile), 'dist') + sep);
  registerWasmKernels();
  await tf.setBackend('wasm');
  setImageParts(1);
  return { id: 'wasm', version: `tfjs wasm ${version_wasm}`, device: 'cpu', threads: 1 };
}
