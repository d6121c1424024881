import type { ExperimentConfig } from '../contract/config.js';
import type { ExperimentDesign } from './design.js';
import { diskBytes } from './diskNeed.js';
import { forecastEvaluation, type EvaluationForecast } from './evaluationForecast.js';
import { trainingMacs } from './ledger.js';
import { measureWork } from './measureWork.js';
import { availableMemory, memoryWarning } from './memoryWarning.js';
import { plannedCompute } from './plannedCompute.js';

/** What a whole run will take on this machine. */
export interface Forecast {
  readonly seconds: number;
  /** Largest resident memory of the process that runs the pipeline. */
  readonly peakBytes: number;
  readonly diskBytes: number;
  /** The part of it that drawing and measuring the samples takes. */
  readonly evaluation: EvaluationForecast;
  /** What to change, where the run would need more memory than is free; absent where it fits. */
  readonly warning?: string;
}

/**
 * What the process of a whole run holds beyond its single pieces of work, bytes: recorded graphs of several networks, samples and
 * features, and memory that the engine keeps for later.
 */
const WHOLE_RUN_BYTES = 0.1e9;

/** Of each parameter while a checkpoint is written: one file's bytes, and those of the file before, which are not collected yet. */
const FILE_BYTES = 8;

/**
 * Does each kind of work of a run once, at its real size where memory allows, and extends the measured time and memory to the
 * whole experiment. Needs an open engine; changes nothing on disk.
 */
export async function forecastRun(config: ExperimentConfig, design: ExperimentDesign): Promise<Forecast> {
  const { base, experts, search, uniform } = plannedCompute(config, design);
  const available = availableMemory();
  const work = measureWork(config, design, available);
  const secondsPerMac = work.secondsPerUpdate / trainingMacs(work.imagesPerUpdate, design.baseMacs);
  const { size, channels, count } = config.data;
  const images = count * size ** 2 * channels;
  const peakBytes = Math.round(work.peakBytes + WHOLE_RUN_BYTES + FILE_BYTES * design.parameters + images);
  const warning = memoryWarning({ ...work, peakBytes, available });
  const evaluation = await forecastEvaluation(config, design);
  return {
    seconds: (base + experts + search + uniform) * secondsPerMac + evaluation.seconds,
    evaluation,
    peakBytes,
    diskBytes: diskBytes(config, design),
    ...(warning !== null && { warning }),
  };
}
