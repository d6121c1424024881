import type { ExperimentConfig } from '../contract/config.js';
import { secondsPerInceptionImage } from '../evaluation/inception/speed.js';
import { initialiseWeights } from '../model/initialise.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import { randomNormal } from '../tensor/random.js';
import type { ExperimentDesign } from './design.js';
import { plannedCompute } from './plannedCompute.js';

/** What an evaluation will take on this machine. */
export interface EvaluationForecast {
  readonly seconds: number;
  /** Images to draw, of all models and seeds. */
  readonly images: number;
  /** Multiply-accumulates of drawing them. */
  readonly macs: number;
}

/** What is there already. */
export interface EvaluationDone {
  /** Images in finished shards. */
  readonly images: number;
  /** Whether the reference set's features are kept. */
  readonly reference: boolean;
}

/** Most images of a forward pass in the measurement. */
const PROBE_IMAGES = 16;

/**
 * Times forward passes of the base's network, and of the Inception network where its features are asked for, and extends them
 * to the whole evaluation. Needs an open engine; changes nothing on disk.
 *
 * @param referenceImages in the reference set; by default as many as the source is known to have
 */
export async function forecastEvaluation(
  config: ExperimentConfig,
  design: ExperimentDesign,
  done: EvaluationDone = { images: 0, reference: false },
  referenceImages = usualImages(config),
): Promise<EvaluationForecast> {
  const { samples, seeds, uniformBaseline, features } = config.evaluation;
  const all = samples * seeds.length * (uniformBaseline ? 3 : 2);
  const share = Math.max(0, all - done.images) / all;
  const macs = plannedCompute(config, design).evaluation * share;
  const drawing = macs * secondsPerForwardMac(config, design);
  // Every image's features are computed again: a shard keeps the image alone. The project's own features take next to nothing.
  const measured = all + (done.reference ? 0 : referenceImages);
  const measuring = features === 'inception' ? measured * (await secondsPerInceptionImage()) : 0;
  return { seconds: drawing + measuring, images: Math.round(all * share), macs };
}

/** Training images of the published sets; nobody has counted a folder's. */
function usualImages({ data }: ExperimentConfig): number {
  if (data.source === 'shapes') return data.count ?? 0;
  return { 'fashion-mnist': 60_000, cifar10: 50_000 }[data.source as string] ?? 0;
}

/** Without gradients, so much faster than a third of a training step would suggest. */
function secondsPerForwardMac({ sampling }: ExperimentConfig, { spec, objective, baseMacs }: ExperimentDesign): number {
  const images = Math.min(sampling.batch, PROBE_IMAGES);
  const noise = randomNormal({ seed: 0, stream: 'forecast', index: 1 }, images * spec.size ** 2 * spec.inChannels);
  const denoiser = createNetworkDenoiser(spec, initialiseWeights(spec, 0), objective);
  try {
    denoiser.predict(noise, images, 0);
    const started = performance.now();
    denoiser.predict(noise, images, 0);
    return (performance.now() - started) / 1000 / (images * baseMacs);
  } finally {
    denoiser.dispose();
  }
}
