import { freemem } from 'node:os';
import type { ExperimentConfig } from '../contract/config.js';
import type { ExperimentDesign } from './design.js';
import { evidenceBatch } from './measureImportance.js';

/** Memory that a process started now could use, bytes: what is free, or what its container leaves it. */
export function availableMemory(): number {
  // Node before 20.13 has no such function.
  return process.availableMemory?.() ?? freemem();
}

/**
 * What to say, and to change, where a run needs more memory than there is.
 *
 * @returns null where it fits
 */
export function memoryWarning(need: {
  readonly peakBytes: number;
  readonly bytesPerImage: number;
  readonly microBatch: number;
  readonly available: number;
}): string | null {
  const { peakBytes, bytesPerImage, microBatch, available } = need;
  if (peakBytes <= available) return null;
  const fewer = bytesPerImage > 0 ? Math.floor(microBatch - (peakBytes - available) / bytesPerImage) : 0;
  const advice =
    fewer >= 1
      ? `set base.microBatch to ${powerOfTwoUpTo(fewer)}`
      : 'close other programs, or choose a smaller network (model.channels)';
  return `the run will need about ${gigabytes(peakBytes)} of memory, and ${gigabytes(available)} are free: ${advice}`;
}

/** Resident memory of an engine with nothing to do, bytes, generously. */
const ENGINE_BYTES = 0.7e9;
/** Weights, averages, moments, gradients and copies of them: float32 numbers for each parameter. */
const COPIES_OF_WEIGHTS = 12;
/** Numbers kept for each output of a convolution until its gradient is done, generously. */
const COPIES_OF_ACTIVATIONS = 30;

/**
 * An upper bound of a run's memory from the network's size alone, bytes; about twice what is measured. Below it nothing has
 * to be measured to know that a run fits.
 */
export function memoryBound(config: ExperimentConfig, design: ExperimentDesign): number {
  // A 3x3 convolution takes 9 multiply-accumulates for every input channel and output.
  const outputs = design.baseMacs / (9 * config.model.channels);
  const perImage = 4 * COPIES_OF_ACTIVATIONS * outputs;
  const { size, channels, count } = config.data;
  return (
    ENGINE_BYTES +
    4 * COPIES_OF_WEIGHTS * design.parameters +
    perImage * Math.max(evidenceBatch(config), config.sampling.batch / 4) +
    count * size ** 2 * channels
  );
}

function powerOfTwoUpTo(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}

/** Bytes for people. */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e9 ? 2 : 1)} GB`;
}
