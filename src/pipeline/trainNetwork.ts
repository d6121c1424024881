import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { BaseConfig } from '../contract/config.js';
import { interrupted } from '../contract/errors.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import type { Engine } from '../tensor/engine.js';
import { drawBatch } from '../training/batches.js';
import { latestCheckpoint, writeCheckpoint } from '../training/checkpoint.js';
import { pruneCheckpoints } from '../training/checkpointFolders.js';
import { createTrainStep } from '../training/createTrainStep.js';
import { freshOptimizerState } from '../training/optimizerState.js';
import type { TimestepDraw } from '../training/timestepDraws.js';
import { train } from '../training/trainLoop.js';
import { addUpdate, emptyMetrics, metricLine, type PendingMetrics } from './lossMetrics.js';
import { MetricsFile } from './metricsFile.js';
import { ProgressMeter } from './progressMeter.js';
import { writeSampleGrid } from './sampleGrid.js';
import type { StageContext } from './stage.js';

export interface NetworkTraining {
  readonly spec: UNetSpec;
  /** Where training starts when there is no checkpoint. */
  readonly initial: Weights;
  readonly steps: number;
  readonly learningRate: number;
  readonly warmup: number;
  /** Batch, clip, EMA and checkpoint settings, shared by all trainings of a project. */
  readonly common: Pick<BaseConfig, 'batch' | 'microBatch' | 'clip' | 'ema' | 'checkpointEvery' | 'keepCheckpoints'>;
  /** Updates between sample grids; 0 = none. */
  readonly sampleEvery: number;
  /** Which timesteps are trained on. */
  readonly draw: TimestepDraw;
}

const numbers = z.array(z.number());
const extraSchema = z.object({
  pending: z.object({
    updates: z.number(),
    loss: z.number(),
    gradientNorm: z.number(),
    binSums: numbers,
    binCounts: numbers,
  }),
});

/** Log lines per training: enough for any chart, and a file of the same size for long and short runs. */
const LOG_LINES = 1000;

/**
 * Trains one network to `steps` updates, going on from the newest intact checkpoint in the stage's folder. Writes
 * `metrics.jsonl`, `samples/` and `checkpoints/`; stopping writes a checkpoint first.
 *
 * @returns the EMA weights after the last update
 */
export async function trainNetwork(context: StageContext, training: NetworkTraining): Promise<Weights> {
  const { config, design, engine, folder, emit, signal } = context;
  const stage = context.stageId;
  const { spec, steps, common } = training;
  await mkdir(folder, { recursive: true });
  const { found, damaged } = await latestCheckpoint(folder);
  for (const { message } of damaged)
    emit({ type: 'log', level: 'warn', message: `${message}; an earlier one is used` });
  const resumed = found?.checkpoint ?? null;
  const fromUpdate = resumed?.meta.step ?? 0;
  if (resumed !== null && fromUpdate >= steps) return resumed.state.ema;
  if (resumed !== null) warnAboutOtherEngine(context, resumed.meta.engine);

  const metrics = new MetricsFile(folder);
  await metrics.truncateAfter(fromUpdate);
  let pending: PendingMetrics = resumed === null ? emptyMetrics() : extraSchema.parse(resumed.meta.extra).pending;
  const logEvery = Math.ceil(steps / LOG_LINES);
  const progress = new ProgressMeter(emit, stage, 'step', steps);
  progress.report(fromUpdate);

  const step = createTrainStep(spec, resumed?.state ?? freshOptimizerState(training.initial));
  const save = async (update: number) => {
    const meta = { step: update, seed: config.seed, engine, extra: { pending } };
    await writeCheckpoint(folder, { spec, state: step.snapshot(), meta });
    await pruneCheckpoints(folder, common.keepCheckpoints);
  };
  let drawn: number[] = [];
  let lastUpdate = fromUpdate;
  try {
    await train({
      stage,
      step,
      fromUpdate,
      steps,
      learningRate: training.learningRate,
      warmup: training.warmup,
      clip: common.clip,
      ema: common.ema,
      dropout: { seed: config.seed, stream: `${stage}/dropout` },
      signal,
      nextBatch: (update) => {
        const batches = drawBatch({
          dataset: context.data.train,
          objective: design.objective,
          draw: training.draw,
          seed: config.seed,
          stream: stage,
          update,
          batch: common.batch,
          microBatch: common.microBatch,
          flip: config.data.flip,
        });
        drawn = batches.flatMap((batch) => [...batch.timesteps]);
        return batches;
      },
      onUpdate: async ({ update, result, learningRate }) => {
        lastUpdate = update;
        pending = addUpdate(pending, result, drawn, config.diffusion.timesteps);
        if (update % logEvery === 0 || update === steps) {
          const line = metricLine(pending, update, learningRate);
          pending = emptyMetrics();
          await metrics.append([line]);
          emit({ type: 'metric', stage, step: update, values: { loss: line.loss, gradientNorm: line.gradientNorm } });
        }
        progress.report(update);
        const isLast = update === steps;
        if (update % common.checkpointEvery === 0 || isLast) await save(update);
        if (training.sampleEvery > 0 && (update % training.sampleEvery === 0 || isLast)) {
          const path = join(folder, 'samples', `step-${String(update).padStart(7, '0')}.png`);
          await writeSampleGrid(context, { spec, weights: step.snapshot().ema, path });
          emit({ type: 'sample', stage, step: update, path });
        }
      },
    });
    return step.snapshot().ema;
  } catch (error) {
    if (signal.aborted && lastUpdate > fromUpdate && lastUpdate % common.checkpointEvery !== 0) await save(lastUpdate);
    throw signal.aborted ? interrupted() : error;
  } finally {
    step.dispose();
  }
}

/** Weights go on bit for bit on the same engine with the same threads only; elsewhere they go on, and the log says so. */
function warnAboutOtherEngine(context: StageContext, before: Engine): void {
  const { engine } = context;
  if (engine.id === before.id && engine.version === before.version && engine.threads === before.threads) return;
  context.emit({
    type: 'log',
    level: 'warn',
    message:
      `${context.stageId} began on ${before.version} with ${before.threads} threads and goes on with ${engine.version} ` +
      `with ${engine.threads}: the result will differ in its last digits from an uninterrupted run`,
  });
}
