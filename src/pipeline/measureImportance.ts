import type { ExperimentConfig, PruningConfig } from '../contract/config.js';
import type { EventSink } from '../contract/events.js';
import type { Dataset } from '../data/dataset.js';
import { runningMaximumRule, taylorImportance, type TaylorOptions } from '../method/gradientImportance.js';
import {
  magnitudeImportance,
  randomImportance,
  type ImportanceConfidence,
  type ImportanceScores,
} from '../method/importance.js';
import { prunableWidths } from '../model/prunableWidths.js';
import type { Weights } from '../model/weights.js';
import { drawBatch } from '../training/batches.js';
import { intervalOfTimesteps, type TimestepDraw } from '../training/timestepDraws.js';
import type { ExperimentDesign } from './design.js';
import { trainingMacs } from './ledger.js';
import { ProgressMeter } from './progressMeter.js';

/** Diff-Pruning's threshold (arXiv 2305.10924, its best row): steps of less than a twentieth of the largest loss are left out. */
const LOSS_THRESHOLD = 0.05;

export interface ImportanceTask {
  readonly config: ExperimentConfig;
  readonly design: ExperimentDesign;
  /** The training split. */
  readonly train: Dataset;
  /** The network that is scored: the base's EMA weights. */
  readonly base: Weights;
  readonly pruning: Pick<PruningConfig, 'importance' | 'evidence' | 'normPolicy' | 'scope'>;
  /** The timesteps the pruned network is for, [from, to). */
  readonly from: number;
  readonly to: number;
  /** The draw of timesteps that it will be fine-tuned with; the evidence of the Taylor criteria is drawn the same way. */
  readonly draw: TimestepDraw;
  /** Names the random streams of the evidence, and progress. */
  readonly stageId: string;
  readonly emit: EventSink;
  readonly signal: AbortSignal;
}

export interface MeasuredImportance {
  readonly scores: ImportanceScores;
  /** Null for criteria without evidence to halve. */
  readonly confidence: ImportanceConfidence | null;
  /** What the gradients cost. */
  readonly macs: number;
}

/** Importance of the base's channels for one timestep group, by the configured criterion. Needs an open engine for gradients. */
export async function measureImportance(task: ImportanceTask): Promise<MeasuredImportance> {
  const { config, design, base, pruning } = task;
  const widths = prunableWidths(design.spec, pruning);
  switch (pruning.importance) {
    case 'random':
      return { scores: randomImportance(widths, config.seed), confidence: null, macs: 0 };
    case 'l1':
    case 'l2':
      return { scores: magnitudeImportance(widths, base, pruning.importance), confidence: null, macs: 0 };
  }
  const evidence = gradientEvidence(task);
  const progress = new ProgressMeter(task.emit, task.stageId, 'gradient', evidence.count);
  const { scores, confidence, batches } = await taylorImportance({
    ...evidence,
    spec: design.spec,
    weights: base,
    widths,
    term: pruning.importance === 'taylor-squared' ? 'squared' : 'absolute',
    onBatch: (done) => progress.report(done),
    warn: (message) => task.emit({ type: 'log', level: 'warn', message }),
    signal: task.signal,
  });
  return { scores, confidence, macs: trainingMacs(batches * evidenceBatch(config), design.baseMacs) };
}

/** Most batches whose gradients a criterion takes for a group of so many timesteps. */
export function evidenceBatches({ importance, evidence }: PruningConfig, timesteps: number): number {
  if (importance === 'diff-pruning') return timesteps;
  return importance === 'taylor' || importance === 'taylor-squared' ? evidence : 0;
}

/** Images per gradient: one micro-batch, so that it never needs more memory than training. */
export function evidenceBatch(config: ExperimentConfig): number {
  return Math.min(config.base.batch, config.base.microBatch);
}

/**
 * Taylor criteria see fresh images, noises and timesteps in every batch. Diff-Pruning's takes one batch of images and one
 * noise through the group's timesteps in order, least noise first, until the loss has become small.
 */
function gradientEvidence(task: ImportanceTask): Pick<TaylorOptions, 'batch' | 'count' | 'enough'> {
  const { config, design, pruning, from, to } = task;
  const batch = evidenceBatch(config);
  const drawn = (update: number, draw: TimestepDraw) =>
    drawBatch({
      dataset: task.train,
      objective: design.objective,
      draw,
      seed: config.seed,
      stream: `${task.stageId}/evidence`,
      update,
      batch,
      microBatch: batch,
      flip: false,
    })[0];
  if (pruning.importance === 'diff-pruning') {
    return {
      count: to - from,
      batch: (index) => drawn(1, intervalOfTimesteps(from + index, from + index + 1)),
      enough: runningMaximumRule(LOSS_THRESHOLD),
    };
  }
  return { count: pruning.evidence, batch: (index) => drawn(index + 1, task.draw) };
}
