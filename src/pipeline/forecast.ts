import type { ExperimentConfig } from '../contract/config.js';
import { initialiseWeights } from '../model/initialise.js';
import { peakRssBytes } from '../tensor/memory.js';
import { randomNormal } from '../tensor/random.js';
import { createTrainStep } from '../training/createTrainStep.js';
import { freshOptimizerState } from '../training/optimizerState.js';
import type { MicroBatch } from '../training/trainStep.js';
import type { ExperimentDesign } from './design.js';
import { trainingMacs } from './ledger.js';
import { evidenceBatch, evidenceBatches } from './measureImportance.js';

/** What a whole run will take on this machine. */
export interface Forecast {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly diskBytes: number;
}

/**
 * Trains the base network for a few updates with very small batches and extends the measured time and memory to the whole
 * experiment. Needs an open engine; changes nothing on disk. Sampling costs a third of training per MAC, as it has no
 * gradients.
 */
export function forecastRun(config: ExperimentConfig, design: ExperimentDesign): Forecast {
  const batch = Math.min(config.base.batch, config.base.microBatch);
  const small = probe(design, Math.max(1, Math.min(batch, 4) >> 1));
  const large = probe(design, Math.min(batch, 4));
  const secondsPerMac = large.seconds / trainingMacs(large.images, design.baseMacs);
  const bytesPerImage =
    large.images > small.images ? Math.max(0, large.peakBytes - small.peakBytes) / (large.images - small.images) : 0;
  return {
    seconds: totalMacs(config, design) * secondsPerMac,
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

/** Compute of the whole run in units of training MACs (sampling MACs count as they are: a third of a training step). */
function totalMacs(config: ExperimentConfig, design: ExperimentDesign): number {
  const { base, experts, pruning, evaluation } = config;
  const perGroup = design.groups.map(({ budget, from, to }) => {
    const macs = Math.min(1, budget) * design.baseMacs;
    const evidence = budget < 1 ? evidenceBatches(pruning, to - from) * evidenceBatch(config) : 0;
    const proxy = budget < 1 ? pruning.rounds * pruning.proxySteps * base.batch : 0;
    return trainingMacs(evidence, design.baseMacs) + trainingMacs(proxy + experts.steps * base.batch, macs);
  });
  const adaptive = perGroup.reduce((sum, macs) => sum + macs, 0);
  const images = evaluation.samples * evaluation.seeds.length * design.visited.length;
  const uniform = evaluation.uniformBaseline
    ? trainingMacs(experts.steps * base.batch * design.groups.length, design.meanBudget * design.baseMacs)
    : 0;
  const ratios = 1 + design.meanBudget * (evaluation.uniformBaseline ? 2 : 1);
  return (
    trainingMacs(base.steps * base.batch, design.baseMacs) + adaptive + uniform + images * ratios * design.baseMacs
  );
}

/** Weights, EMA and two moments in float32 for each kept checkpoint of each network, and the samples. */
function diskBytes(config: ExperimentConfig, design: ExperimentDesign): number {
  const networks = 1 + design.groups.reduce((sum, { budget }) => sum + Math.min(1, budget), 0) + design.meanBudget;
  const checkpoints = networks * design.parameters * 16 * (config.base.keepCheckpoints + 1);
  const { samples, seeds } = config.evaluation;
  return Math.round(checkpoints + 3 * samples * seeds.length * config.data.size ** 2 * config.data.channels);
}
