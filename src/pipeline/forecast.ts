import type { ExperimentConfig } from '../contract/config.js';
import { initialiseWeights } from '../model/initialise.js';
import { peakRssBytes } from '../tensor/memory.js';
import { randomNormal } from '../tensor/random.js';
import { createTrainStep } from '../training/createTrainStep.js';
import { freshOptimizerState } from '../training/optimizerState.js';
import type { MicroBatch } from '../training/trainStep.js';
import type { ExperimentDesign } from './design.js';
import { diskBytes } from './diskNeed.js';
import { forecastEvaluation, type EvaluationForecast } from './evaluationForecast.js';
import { trainingMacs } from './ledger.js';
import { plannedCompute } from './plannedCompute.js';

/** What a whole run will take on this machine. */
export interface Forecast {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly diskBytes: number;
  /** The part of it that drawing and measuring the samples takes. */
  readonly evaluation: EvaluationForecast;
}

/**
 * Trains the base network for a few updates with very small batches and extends the measured time and memory to the whole
 * experiment. Needs an open engine; changes nothing on disk.
 */
export async function forecastRun(config: ExperimentConfig, design: ExperimentDesign): Promise<Forecast> {
  const { base, experts, search, uniform } = plannedCompute(config, design);
  const batch = Math.min(config.base.batch, config.base.microBatch);
  const small = probe(design, Math.max(1, Math.min(batch, 4) >> 1));
  const large = probe(design, Math.min(batch, 4));
  const secondsPerMac = large.seconds / trainingMacs(large.images, design.baseMacs);
  const bytesPerImage =
    large.images > small.images ? Math.max(0, large.peakBytes - small.peakBytes) / (large.images - small.images) : 0;
  const evaluation = await forecastEvaluation(config, design);
  return {
    seconds: (base + experts + search + uniform) * secondsPerMac + evaluation.seconds,
    evaluation,
    peakBytes: large.peakBytes + (batch - large.images) * bytesPerImage,
    diskBytes: diskBytes(config, design),
  };
}

function probe(design: ExperimentDesign, images: number): { images: number; seconds: number; peakBytes: number } {
  const { spec, schedule } = design;
  const step = createTrainStep(spec, freshOptimizerState(initialiseWeights(spec, 0)));
  const noise = randomNormal({ seed: 0, stream: 'forecast', index: 0 }, images * spec.size ** 2 * spec.inChannels);
  const batch: MicroBatch = {
    count: images,
    xt: noise,
    target: noise,
    timesteps: new Int32Array(images).fill(schedule.timesteps >> 1),
    weights: new Float32Array(images).fill(1),
  };
  const settings = { learningRate: 0, emaDecay: 0, clip: 1, dropoutKey: { seed: 0, stream: 'forecast' } };
  try {
    step.update([batch], { ...settings, update: 1 });
    const started = performance.now();
    for (let update = 2; update <= 3; update++) step.update([batch], { ...settings, update });
    return { images, seconds: (performance.now() - started) / 2000, peakBytes: peakRssBytes() };
  } finally {
    step.dispose();
  }
}
