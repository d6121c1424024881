import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { BaseConfig } from '../contract/config.js';
import { failure, interrupted } from '../contract/errors.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import type { Denoiser } from '../sampling/denoiser.js';
import type { Engine } from '../tensor/engine.js';
import type { LearningRateCourse } from '../training/learningRate.js';
import { openBatchSource } from '../training/batchSource.js';
import { latestCheckpoint, writeCheckpoint } from '../training/checkpoint.js';
import { pruneCheckpoints, tidyCheckpoints } from '../training/checkpointFolders.js';
import { createTrainStep } from '../training/createTrainStep.js';
import { freshOptimizerState } from '../training/optimizerState.js';
import type { TimestepDraw } from '../training/timestepDraws.js';
import { diverged, train } from '../training/trainLoop.js';
import { addUpdate, emptyMetrics, metricLine, type PendingMetrics, updatesPerLine } from './lossMetrics.js';
import { writeJsonAtomic } from '../project/atomicFile.js';
import { stepOptions, type MicroBatch } from '../training/trainStep.js';
import { drawInTraining } from './drawInTraining.js';
import { MetricsFile } from './metricsFile.js';
import { ProgressMeter } from './progressMeter.js';
import { writeSampleGrid } from './sampleGrid.js';
import type { StageContext } from './stage.js';
import {
  bestEvaluation,
  isExhausted,
  openBestWeights,
  withKnownWeights,
  selectionStateSchema,
  type SelectionState,
  type WeightSelection,
} from './weightSelection.js';

export interface NetworkTraining extends LearningRateCourse {
  readonly spec: UNetSpec;
  /** Where training starts when there is no checkpoint. */
  readonly initial: Weights;
  /** Field of the config that the rate comes from. */
  readonly rateField: 'base.learningRate' | 'experts.learningRate';
  /** Batch, clip, EMA and checkpoint settings, shared by all trainings of a project. */
  readonly common: Pick<BaseConfig, 'batch' | 'microBatch' | 'clip' | 'ema' | 'checkpointEvery' | 'keepCheckpoints'>;
  /** Updates between sample grids; 0 = none. */
  readonly sampleEvery: number;
  /** Which timesteps are trained on. */
  readonly draw: TimestepDraw;
  /** Changes the drawn batches, a function of the batch alone: a teacher's targets. */
  readonly retarget?: (batches: readonly MicroBatch[]) => MicroBatch[];
  /** How the network takes part in a whole model, for samples that are asked for; alone by default. What it returns owns it. */
  readonly amongOthers?: (own: Denoiser) => Denoiser;
  /** Keeps the best weights by a held-out loss, and may end the training early. */
  readonly selection?: WeightSelection | undefined;
}

export interface TrainedNetwork {
  /** Averaged weights: the last ones, or the best ones of a selection. */
  readonly weights: Weights;
  /** Updates done; fewer than asked for where a selection ended the training. */
  readonly updates: number;
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
  selection: selectionStateSchema.default({ history: [] }),
  /** Set in the last checkpoint, whose averaged weights are the result. */
  finished: z.boolean().default(false),
  /** Set where a stop broke off what follows the update: its held-out loss, its sample grid. They are made up for first. */
  brokenOff: z.boolean().default(false),
  /** What the stage was computed from, so that a lost record can be written anew; absent in older checkpoints. */
  inputHash: z.string().optional(),
});

/**
 * Trains one network to `steps` updates, going on from the newest intact checkpoint in the stage's folder. Writes
 * `metrics.jsonl`, `samples/` and `checkpoints/`; stopping writes a checkpoint first.
 *
 * With a selection, the last checkpoint's averaged weights are the best ones, and `selection.json` holds all evaluations.
 */
export async function trainNetwork(context: StageContext, training: NetworkTraining): Promise<TrainedNetwork> {
  const { config, design, engine, folder, emit, signal } = context;
  const stage = context.stageId;
  const { spec, steps, common, selection } = training;
  await mkdir(folder, { recursive: true });
  const { found, damaged } = await latestCheckpoint(folder);
  for (const { message } of damaged)
    emit({ type: 'log', level: 'warn', message: `${message}; an earlier one is used` });
  const resumed = found?.checkpoint ?? null;
  const fromUpdate = resumed?.meta.step ?? 0;
  const extra = resumed === null ? null : extraSchema.parse(resumed.meta.extra);
  const brokenOff = extra?.brokenOff ?? false;
  const best = openBestWeights(folder);
  if (resumed !== null && damaged.length === 0) await tidyCheckpoints(folder, common.keepCheckpoints);
  if (resumed !== null && !brokenOff && (fromUpdate >= steps || extra?.finished === true)) {
    await best.keepOnly(null);
    return { weights: resumed.state.ema, updates: fromUpdate };
  }
  if (resumed !== null) warnAboutOtherEngine(context, resumed.meta.engine);

  const metrics = new MetricsFile(folder);
  await metrics.truncateAfter(fromUpdate);
  let pending: PendingMetrics = extra?.pending ?? emptyMetrics();
  let evaluations: SelectionState = await withKnownWeights(extra?.selection ?? { history: [] }, best);
  const logEvery = updatesPerLine(steps);
  const progress = new ProgressMeter(emit, stage, 'step', steps);
  progress.report(fromUpdate);

  const step = createTrainStep(spec, resumed?.state ?? freshOptimizerState(training.initial), {
    ...stepOptions(config),
    warn: (message) => emit({ type: 'log', level: 'warn', message }),
  });
  /** The last update in a checkpoint, and the last one that nothing remains to be done about. */
  let saved = fromUpdate;
  let settled = brokenOff ? fromUpdate - 1 : fromUpdate;
  const save = async (update: number, finished = false) => {
    await context.store.requireProject();
    const chosen = bestEvaluation(evaluations);
    const state = step.snapshot();
    requireFiniteWeights(state.weights, update, stage, training);
    if (finished && selection !== undefined) {
      await writeJsonAtomic(join(folder, 'selection.json'), describe(evaluations, steps));
    }
    const ema = finished && chosen !== null ? await best.read(chosen.update) : state.ema;
    const meta = {
      step: update,
      seed: config.seed,
      engine,
      extra: {
        pending,
        selection: evaluations,
        finished,
        brokenOff: settled < update,
        inputHash: context.inputHash,
      },
    };
    await metrics.sync();
    await writeCheckpoint(folder, { spec, state: { ...state, ema }, meta });
    saved = update;
    await pruneCheckpoints(folder, common.keepCheckpoints);
    await best.keepOnly(finished ? null : (chosen?.update ?? null));
    return ema;
  };
  const evaluate = async ({ loss, patience }: WeightSelection, update: number): Promise<boolean> => {
    if (evaluations.history.at(-1)?.update === update) return isExhausted(evaluations, patience);
    const { ema } = step.snapshot();
    const value = await loss(ema);
    const before = bestEvaluation(evaluations);
    evaluations = { history: [...evaluations.history, { update, loss: Number.isFinite(value) ? value : null }] };
    if (bestEvaluation(evaluations)?.update !== before?.update) await best.write(update, ema);
    emit({ type: 'metric', stage, step: update, values: { heldOutLoss: value } });
    return isExhausted(evaluations, patience);
  };
  let weights: Weights | null = null;
  const settle = async (update: number): Promise<'stop' | undefined> => {
    const isDue = selection !== undefined && (update % selection.every === 0 || update === steps);
    const isLast = (isDue && (await evaluate(selection, update))) || update === steps;
    // Before the checkpoint, which says that everything up to it has been done.
    if (training.sampleEvery > 0 && (update % training.sampleEvery === 0 || isLast)) {
      const path = join(folder, 'samples', `step-${String(update).padStart(7, '0')}.png`);
      await writeSampleGrid(context, { spec, weights: step.snapshot().ema, path });
      emit({ type: 'sample', stage, step: update, path });
    }
    settled = update;
    if (isLast) weights = await save(update, true);
    else if (update % common.checkpointEvery === 0) await save(update);
    return isLast ? 'stop' : undefined;
  };
  const source = openBatchSource(
    {
      dataset: context.data.train,
      objective: design.objective,
      draw: training.draw,
      seed: config.seed,
      stream: stage,
      batch: common.batch,
      microBatch: common.microBatch,
      flip: config.data.flip,
    },
    { fromUpdate, steps, warn: (message) => emit({ type: 'log', level: 'warn', message }) },
  );
  let drawn: number[] = [];
  let lastUpdate = fromUpdate;
  try {
    const isOver = brokenOff && (await settle(fromUpdate)) === 'stop';
    if (!isOver)
      await train({
        stage,
        step,
        fromUpdate,
        steps,
        learningRate: training.learningRate,
        rateField: training.rateField,
        warmup: training.warmup,
        learningRateDecay: training.learningRateDecay,
        clip: common.clip,
        ema: common.ema,
        dropout: { seed: config.seed, stream: `${stage}/dropout` },
        signal,
        nextBatch: (update) => {
          const batches = source.take(update);
          drawn = batches.flatMap((batch) => [...batch.timesteps]);
          return training.retarget?.(batches) ?? batches;
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
          await context.draws.answer((wish) =>
            drawInTraining(context, { ...training, weights: step.snapshot().ema }, wish, update),
          );
          return settle(update);
        },
      });
    return { weights: weights ?? step.snapshot().ema, updates: lastUpdate };
  } catch (error) {
    if (signal.aborted && lastUpdate > saved) await save(lastUpdate);
    throw signal.aborted ? interrupted() : error;
  } finally {
    context.draws.refuseAll(failure('TRAINING_ENDED', `the training of ${stage} ended first`, 'ask again'));
    step.dispose();
    await source.close();
  }
}

/** A checkpoint is written of finite weights alone, so that the last one is always a good one. */
function requireFiniteWeights(weights: Weights, update: number, stage: string, training: NetworkTraining): void {
  for (const [name, { data }] of weights) {
    if (!data.every(Number.isFinite)) {
      throw diverged(`${name} has values that are not finite after step ${update} of ${stage}`, training);
    }
  }
}

/** What people want to know of a selection. */
function describe(state: SelectionState, steps: number): unknown {
  const updates = state.history.at(-1)?.update ?? 0;
  return { ...state, best: bestEvaluation(state), updates, stoppedEarly: updates < steps };
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
