import type { ExperimentConfig } from '../contract/config.js';
import { needsSimilarity } from '../method/partition.js';
import { initialiseWeights } from '../model/initialise.js';
import { toRuntime } from '../model/runtimeWeights.js';
import type { Weights } from '../model/weights.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import { peakRssBytes, resetPeakRss } from '../tensor/memory.js';
import { createTrainStep } from '../training/createTrainStep.js';
import { openGradients } from '../training/gradients.js';
import { freshOptimizerState } from '../training/optimizerState.js';
import { stepOptions } from '../training/trainStep.js';
import type { ExperimentDesign } from './design.js';
import { exampleBatch, exampleImages } from './exampleBatch.js';
import { evidenceBatch } from './measureImportance.js';

/** What the parts of a run take on this machine. */
export interface MeasuredWork {
  /** Largest resident memory of the process over all parts; extended from smaller batches where `isExtended`. */
  readonly peakBytes: number;
  /** What an image more in a micro-batch takes. */
  readonly bytesPerImage: number;
  /** Images of a micro-batch, as the config has it. */
  readonly microBatch: number;
  /** Whether the real size did not fit and was not tried. */
  readonly isExtended: boolean;
  /** An update of so many images of the base. */
  readonly secondsPerUpdate: number;
  readonly imagesPerUpdate: number;
}

/** Share of the free memory that a measurement may be expected to fill. */
const SAFE_SHARE = 0.7;

/**
 * Trains the base network for a few updates, computes the gradients that importance is made of, and predicts a batch of the
 * sampler: what a run does, in its order and in one process, for memory that an engine was given does not all come back.
 *
 * @param available memory that may be used, bytes. One and two images come first and tell what more will take; where the real
 *   micro-batch would not fit, the largest one that does is measured and extended.
 */
export function measureWork(config: ExperimentConfig, design: ExperimentDesign, available: number): MeasuredWork {
  const { spec } = design;
  const microBatch = evidenceBatch(config);
  const weights = initialiseWeights(spec, 0);
  const small = gradientPeak(design, weights, 1);
  const bytesPerImage = Math.max(0, gradientPeak(design, weights, 2) - small);
  const room = SAFE_SHARE * available;
  const fitting = Math.max(1, Math.floor(1 + room / Math.max(1, bytesPerImage)));
  const images = Math.min(microBatch, fitting);

  const { secondsPerUpdate, peakBytes: training } = trainingPeak(config, design, weights, images);
  const gradients = needsGradients(config) ? gradientPeak(design, weights, images) : 0;
  const measured = Math.max(training, gradients);
  const perImage = images > 1 ? Math.max(0, measured - small) / (images - 1) : bytesPerImage;
  const sampling = samplingPeak(config, design, weights, Math.min(config.sampling.batch, fitting));
  return {
    peakBytes: Math.max(measured + (microBatch - images) * perImage, sampling),
    bytesPerImage: perImage,
    microBatch,
    isExtended: images < microBatch,
    secondsPerUpdate,
    imagesPerUpdate: images,
  };
}

/** Whether a run computes gradients operation by operation, outside of training: importance and similarity do. */
function needsGradients({ pruning, grouping }: ExperimentConfig): boolean {
  return !['random', 'l1', 'l2'].includes(pruning.importance) || needsSimilarity(grouping);
}

function peakOf(work: () => void): number {
  resetPeakRss();
  work();
  return peakRssBytes();
}

function gradientPeak({ spec, objective }: ExperimentDesign, weights: Weights, images: number): number {
  const runtime = toRuntime(weights);
  const network = openGradients(spec, runtime, [...weights.keys()]);
  try {
    return peakOf(() => network.compute(exampleBatch(spec, objective, images)));
  } finally {
    network.dispose();
    for (const tensor of runtime.values()) tensor.dispose();
  }
}

/** Updates as training does them, and a snapshot as a checkpoint needs it. */
function trainingPeak(
  config: ExperimentConfig,
  { spec, objective }: ExperimentDesign,
  weights: Weights,
  images: number,
): { peakBytes: number; secondsPerUpdate: number } {
  const batch = exampleBatch(spec, objective, images);
  const settings = { learningRate: 0, emaDecay: 0, clip: 1, dropoutKey: { seed: config.seed, stream: 'forecast' } };
  let seconds = 0;
  const peakBytes = peakOf(() => {
    const step = createTrainStep(spec, freshOptimizerState(weights), stepOptions(config));
    try {
      // The first update records the step.
      step.update([batch], { ...settings, update: 1 });
      const started = performance.now();
      for (let update = 2; update <= 3; update++) step.update([batch], { ...settings, update });
      seconds = (performance.now() - started) / 2000;
      step.snapshot();
    } finally {
      step.dispose();
    }
  });
  return { peakBytes, secondsPerUpdate: seconds };
}

/** A forward pass; for a batch that is too large, extended from the `images` that fit. */
function samplingPeak(
  config: ExperimentConfig,
  { spec, objective }: ExperimentDesign,
  weights: Weights,
  images: number,
): number {
  const denoiser = createNetworkDenoiser(spec, weights, objective);
  const before = process.memoryUsage.rss();
  try {
    const peak = peakOf(() => denoiser.predict(exampleImages(spec, images), images, 0));
    return before + (Math.max(0, peak - before) * config.sampling.batch) / images;
  } finally {
    denoiser.dispose();
  }
}
