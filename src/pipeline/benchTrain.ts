import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExperimentConfig } from '../contract/config.js';
import { makeDataset, shareDataset } from '../data/makeDataset.js';
import type { Dataset } from '../data/dataset.js';
import { trainingObjective } from '../diffusion/objective.js';
import { buildUNetSpec } from '../model/buildSpec.js';
import { initialiseWeights } from '../model/initialise.js';
import type { Engine } from '../tensor/engine.js';
import { peakRssBytes } from '../tensor/memory.js';
import { randomIntegers } from '../tensor/random.js';
import { watchReadBacks } from '../tensor/readBacks.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { openBatchSource } from '../training/batchSource.js';
import { writeCheckpoint } from '../training/checkpoint.js';
import { createTrainStep } from '../training/createTrainStep.js';
import { freshOptimizerState } from '../training/optimizerState.js';
import { stepOptions } from '../training/trainStep.js';
import { intervalOfTimesteps } from '../training/timestepDraws.js';
import { median, summarise, type BenchResult } from './bench.js';
import { addUpdate, emptyMetrics, metricLine, updatesPerLine } from './lossMetrics.js';
import { MetricsFile } from './metricsFile.js';

/** Where the time of an update goes, milliseconds, medians. */
export interface UpdateBreakdown {
  /** Getting the batch: images, timesteps and noise. */
  readonly prepare: number;
  /** Forward and backward pass of all micro-batches. */
  readonly gradients: number;
  /** Adam and the moving average. */
  readonly update: number;
  /** Losses and gradient norm, from the engine. */
  readonly readBack: number;
  /** Metrics, and letting messages and timers run. */
  readonly other: number;
}

export interface TrainBenchResult extends BenchResult {
  readonly breakdownMs: UpdateBreakdown;
  readonly beside: {
    /** A checkpoint, milliseconds, and its part of every update at the config's `base.checkpointEvery`. */
    readonly checkpointMs: number;
    readonly checkpointMsPerUpdate: number;
    /** Batches that were drawn in the thread, of all that were timed. */
    readonly drawnAhead: number;
    /** Time beside the step (prepare, other, checkpoint) over the step's own. */
    readonly share: number;
  };
}

/** Images that batches are drawn from: more than enough for the epochs' order to matter. */
const IMAGES = 4096;

/**
 * Speed of optimizer updates of the base network with all that belongs to them, as a training runs them: batches from the
 * thread, metrics on disk, a checkpoint at the end. Needs an open engine.
 */
export async function benchTrain(
  config: ExperimentConfig,
  run: { batch: number; steps: number },
  engine: Engine,
): Promise<TrainBenchResult> {
  const spec = buildUNetSpec(config.model, config.data, config.diffusion);
  const { learningRate, clip, checkpointEvery, steps: planned } = config.base;
  const { timesteps } = config.diffusion;
  const { batch, steps } = run;
  const folder = await mkdtemp(join(tmpdir(), 'stepadapt-bench-'));
  const source = openBatchSource(
    {
      dataset: exampleDataset(config),
      objective: trainingObjective(config),
      draw: intervalOfTimesteps(0, timesteps),
      seed: config.seed,
      stream: 'bench',
      batch,
      microBatch: batch,
      flip: config.data.flip,
    },
    { fromUpdate: 0, steps: steps + 1 },
  );
  const step = createTrainStep(spec, freshOptimizerState(initialiseWeights(spec, config.seed)), stepOptions(config));
  const reads = watchReadBacks();
  const metrics = new MetricsFile(folder);
  const dropoutKey = { seed: config.seed, stream: 'bench/dropout' };
  const parts: UpdateBreakdown[] = [];
  let pending = emptyMetrics();
  let aheadBefore = 0;
  try {
    for (let update = 1; update <= steps + 1; update++) {
      // The first update records the step and is not counted.
      if (update === 2) aheadBefore = source.drawnAhead;
      const started = performance.now();
      const batches = source.take(update);
      const prepared = performance.now();
      reads.start();
      const result = step.update(batches, { update, learningRate, emaDecay: 0.9999, clip, dropoutKey });
      const updated = performance.now();
      // The norm of the gradients is the last thing read before they are used.
      const used = reads.lastEnd ?? updated;
      const drawn = batches.flatMap((part) => [...part.timesteps]);
      pending = addUpdate(pending, result, drawn, timesteps);
      if (update % updatesPerLine(planned) === 0) {
        await metrics.append([metricLine(pending, update, learningRate)]);
        pending = emptyMetrics();
      }
      await yieldToEventLoop();
      parts.push({
        prepare: prepared - started,
        gradients: used - prepared - reads.milliseconds,
        update: updated - used,
        readBack: reads.milliseconds,
        other: performance.now() - updated,
      });
    }
    const started = performance.now();
    const meta = { step: steps + 1, seed: config.seed, engine, extra: {} };
    await metrics.sync();
    await writeCheckpoint(folder, { spec, state: step.snapshot(), meta });
    const checkpointMs = performance.now() - started;
    return result(parts.slice(1), {
      batch,
      checkpointMs,
      checkpointEvery,
      drawnAhead: source.drawnAhead - aheadBefore,
    });
  } finally {
    reads.stop();
    step.dispose();
    await source.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function result(
  parts: readonly UpdateBreakdown[],
  run: { batch: number; checkpointMs: number; checkpointEvery: number; drawnAhead: number },
): TrainBenchResult {
  const middle = (part: keyof UpdateBreakdown) => median(parts.map((times) => times[part]));
  const breakdownMs = {
    prepare: middle('prepare'),
    gradients: middle('gradients'),
    update: middle('update'),
    readBack: middle('readBack'),
    // Not the median: a line is written now and then only.
    other: parts.reduce((sum, { other }) => sum + other, 0) / parts.length,
  };
  const whole = parts.map(({ prepare, gradients, update, readBack, other }) =>
    [prepare, gradients, update, readBack, other].reduce((sum, part) => sum + part),
  );
  const { prepare, gradients, update, readBack, other } = breakdownMs;
  const checkpointMsPerUpdate = run.checkpointMs / run.checkpointEvery;
  return {
    ...summarise(whole, run.batch),
    peakRssBytes: peakRssBytes(),
    breakdownMs,
    beside: {
      checkpointMs: run.checkpointMs,
      checkpointMsPerUpdate,
      drawnAhead: run.drawnAhead,
      share: (prepare + other + checkpointMsPerUpdate) / (gradients + update + readBack),
    },
  };
}

function exampleDataset({ data: { size, channels } }: ExperimentConfig): Dataset {
  const bytes = randomIntegers({ seed: 0, stream: 'bench/images', index: 0 }, IMAGES * size ** 2 * channels, 0, 256);
  return shareDataset(
    makeDataset({
      source: 'bench',
      count: IMAGES,
      size,
      channels,
      pixels: Uint8Array.from(bytes),
      labels: null,
      classes: [],
    }),
  );
}
