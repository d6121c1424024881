import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { failure } from '../contract/errors.js';
import type { Engine } from './engine.js';
import { hasFusedGroupNorm } from './fusedGroupNorm.js';
import { setFreeUnused } from './hostMemory.js';
import { activeNativeLibrary, type NativeLibrary } from './nativeLibrary.js';
import { enableOwnOperations } from './ownOperations.js';
import { chooseParallelism, setImageParts, type Parallelism, type Work } from './parallelism.js';

const backendName = 'tensorflow';
const packageName = '@tensorflow/tfjs-node-gpu';

/** What is used of the N-API binding, whose calls otherwise pass between it and the backend class alone. */
interface NativeBinding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
}

/** How this process computes. */
interface Threads {
  readonly threads: number;
  readonly parallelism: Parallelism;
}

let opened: Threads | null = null;

type BackendClass = new (binding: NativeBinding, packageName: string) => tf.KernelBackend;

/**
 * Selects TensorFlow's C library: tfjs-node's kernels over the binding that the set-up script built against a current
 * TensorFlow. tfjs-node's own entry point is avoided because it insists on a binding inside its package folder.
 *
 * @throws failure `ENGINE_UNAVAILABLE` when the library is missing or does not load
 */
export async function openNativeEngine(work: Work | null): Promise<Engine> {
  const library = activeNativeLibrary();
  const { threads, parallelism } = (opened ??= pinThreads(library.device === 'cpu' ? work : null));
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '3';
  // First, for it says how TensorFlow's threads shall take memory.
  const { operations = [], freeUnused } = loadKernels(library);
  const binding = loadBackend(library);
  await tf.setBackend(backendName);
  if (!binding.isUsingGpuDevice()) enableOwnOperations(operations);
  if (freeUnused !== undefined) setFreeUnused(freeUnused);
  setImageParts(parallelism === 'images' ? threads : 1);
  return {
    id: 'native',
    version: [`TensorFlow ${binding.TF_Version}`, ...bitsChangedBy(parallelism)].join(', '),
    device: binding.isUsingGpuDevice() ? gpuName() : 'cpu',
    threads,
  };
}

function loadBackend(library: NativeLibrary): NativeBinding {
  const require = createRequire(import.meta.url);
  try {
    restoreUtilFunctions(require('node:util') as Record<string, unknown>);
    const binding = require(library.binding) as NativeBinding;
    if (tf.findBackend(backendName) === null) {
      require(`${packageName}/dist/register_all_kernels.js`);
      const { NodeJSKernelBackend } = require(`${packageName}/dist/nodejs_kernel_backend.js`) as {
        NodeJSKernelBackend: BackendClass;
      };
      tf.registerBackend(backendName, () => new NodeJSKernelBackend(binding, packageName));
    }
    return binding;
  } catch (cause) {
    throw failure(
      'ENGINE_UNAVAILABLE',
      `the native tensor library ${library.variant} did not load: ${(cause as Error).message.split('\n', 1)[0]}`,
      'run `npm run setup` again, or choose the portable engine with `--engine wasm`',
      { cause },
    );
  }
}

/** What our own add-on has; all of it only saves time or memory, and an add-on of older sources may lack some. */
interface Kernels {
  readonly operations?: readonly string[];
  readonly freeUnused?: () => void;
}

function loadKernels({ kernels }: NativeLibrary): Kernels {
  if (kernels === undefined) return {};
  try {
    return createRequire(import.meta.url)(kernels) as Kernels;
  } catch {
    // Compiled for another machine, or gone since the set-up, which looks after it when it next runs.
    return {};
  }
}

/** tfjs-node 4.22 calls two functions that Node 23 removed from `util`. */
function restoreUtilFunctions(util: Record<string, unknown>): void {
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}

/** With and without these, results differ in their last bits. */
function bitsChangedBy(parallelism: Parallelism): string[] {
  return [
    ...(hasFusedGroupNorm() ? ['fused norms'] : []),
    ...(parallelism === 'images' ? ['threads share the images'] : []),
  ];
}

/**
 * Says how many threads compute and what they share. TensorFlow reads it once in a process. Left alone, it would count the processors
 * itself; the count is written down for it because results depend on it bit for bit and so it must be known. Programs that this one
 * starts inherit both numbers, of which the larger one is that of the threads.
 */
function pinThreads(work: Work | null): Threads {
  const asked = ['TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS'].map((name) => Number(process.env[name]) || 0);
  const threads = Math.max(...asked) || availableParallelism();
  const parallelism = work === null ? 'operations' : chooseParallelism(work, threads);
  process.env['TF_NUM_INTRAOP_THREADS'] = String(parallelism === 'images' ? 1 : threads);
  process.env['TF_NUM_INTEROP_THREADS'] = String(threads);
  return { threads, parallelism };
}

/** Name of the first GPU, from the NVIDIA driver's files on Linux; the binding itself only tells that there is one. */
function gpuName(): string {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    const [first = ''] = readdirSync(folder);
    const information = readFileSync(join(folder, first, 'information'), 'utf8');
    return /^Model:\s*(.+)$/m.exec(information)?.[1] ?? 'GPU';
  } catch {
    return 'GPU';
  }
}
