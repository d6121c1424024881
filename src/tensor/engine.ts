/**
 * The tensor engines. Model code is written once against tfjs-core's operations; opening an engine selects the backend that
 * runs them. One engine is open in a process at a time.
 */

export type EngineId = 'native' | 'wasm';

/** One row of `stepadapt engines`. */
export interface EngineStatus {
  readonly id: EngineId;
  readonly available: boolean;
  /** Version of the library that computes, e.g. `TensorFlow 2.21.0`. */
  readonly version: string | null;
  /** `cpu`, or the name of the GPU in use. */
  readonly device: string | null;
  /** Why it is not available, or what to know about it; null when there is nothing to say. */
  readonly reason: string | null;
}

export interface Engine {
  readonly id: EngineId;
  readonly version: string;
  readonly device: string;
  /** Threads that compute. Another count gives other bits, so it is recorded in checkpoints. */
  readonly threads: number;
}
