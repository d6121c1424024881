import type { Project } from '../project/project.js';
import { sampleImages } from '../sampling/sampleImages.js';
import { peakRssBytes } from '../tensor/memory.js';
import type { Engine } from '../tensor/engine.js';
import { median, summarise, type BenchResult } from './bench.js';
import { openModel, type OpenModel } from './models.js';
import { openEngineFor } from './openEngineFor.js';
import { projectDesign } from './projectDesign.js';
import { StageStore } from './stageStore.js';

/** Base and step-adaptive sampling of one project, in turns. Times are medians over the rounds. */
export interface ModelsBenchResult extends BenchResult {
  readonly engine: Engine;
  readonly secondsPerImage: { readonly base: number; readonly adaptive: number };
  /** Adaptive over base. */
  readonly macsRatio: number;
  readonly secondsRatio: number;
  /** The same of the processor time, which other programs disturb less. */
  readonly processorRatio: number;
  /** Share of the seconds saved over the share of the multiply-accumulates saved: 1 = every saved one is saved time. */
  readonly savedSecondsPerSavedMacs: number;
  readonly savedProcessorPerSavedMacs: number;
}

interface Spent {
  readonly seconds: number;
  readonly processor: number;
}

/**
 * Draws batches from the finished project's base and its experts alternately, so that a busy machine slows both alike.
 * `stepMs` and `imagesPerSecond` are those of step-adaptive sampling, a step being one call of a network.
 */
export async function benchModels(
  project: Project,
  run: { batch: number; steps: number },
  log: (message: string) => void,
): Promise<ModelsBenchResult> {
  const { config } = project.file;
  const engine = await openEngineFor(config);
  const store = new StageStore(project);
  const design = await projectDesign(config, store);
  const models: Record<'base' | 'adaptive', OpenModel> = {
    base: await openModel('base', design, store, log),
    adaptive: await openModel('adaptive', design, store, log),
  };
  const draw = async ({ denoiser }: OpenModel, round: number): Promise<Spent> => {
    const started = performance.now();
    const before = process.cpuUsage();
    await sampleImages({
      denoiser,
      schedule: design.schedule,
      sampling: { ...config.sampling, batch: run.batch },
      count: run.batch,
      firstImage: round * run.batch,
      size: config.data.size,
      channels: config.data.channels,
      seed: config.seed,
    });
    const { user, system } = process.cpuUsage(before);
    return { seconds: (performance.now() - started) / 1000, processor: (user + system) / 1e6 };
  };
  const base: Spent[] = [];
  const adaptive: Spent[] = [];
  try {
    // The first round records the networks.
    for (let round = 0; round <= run.steps; round++) {
      base.push(await draw(models.base, round));
      adaptive.push(await draw(models.adaptive, round));
    }
  } finally {
    models.base.denoiser.dispose();
    models.adaptive.denoiser.dispose();
  }
  // Each round's ratio is its own: both of its halves met the same machine.
  const ratio = (part: keyof Spent) =>
    median(base.slice(1).map((spent, round) => adaptive[round + 1][part] / spent[part]));
  const middle = (spent: readonly Spent[]) => median(spent.slice(1).map(({ seconds }) => seconds)) / run.batch;
  const { macsRatio } = models.adaptive;
  const [secondsRatio, processorRatio] = [ratio('seconds'), ratio('processor')];
  const calls = design.visited.length;
  const perCall = adaptive.slice(1).map(({ seconds }) => (1000 * seconds) / calls);
  return {
    stepMs: summarise(perCall, run.batch).stepMs,
    imagesPerSecond: 1 / middle(adaptive),
    peakRssBytes: peakRssBytes(),
    engine,
    secondsPerImage: { base: middle(base), adaptive: middle(adaptive) },
    macsRatio,
    secondsRatio,
    processorRatio,
    savedSecondsPerSavedMacs: (1 - secondsRatio) / (1 - macsRatio),
    savedProcessorPerSavedMacs: (1 - processorRatio) / (1 - macsRatio),
  };
}
