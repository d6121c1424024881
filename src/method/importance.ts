import { interrupted } from '../contract/errors.js';
import { prunableWidths, type PrunableWidth } from '../model/prunableWidths.js';
import { toRuntime } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import type { WeightArray, Weights } from '../model/weights.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { lossGradients } from '../training/gradients.js';
import type { MicroBatch } from '../training/trainStep.js';
import { spearman } from './rankCorrelation.js';

/** `PrunableWidth.id` to one score per channel; never negative, larger = more important. */
export type ImportanceScores = ReadonlyMap<string, Float64Array>;

/**
 * Agreement of the scores from even batches with those from odd batches (Spearman's rank correlation): near 1 the evidence
 * suffices to rank channels, near 0 it is noise. Null where undefined (one batch, or all scores equal).
 */
export interface ImportanceConfidence {
  /** Over the channels of all widths together. */
  readonly overall: number | null;
  readonly perWidth: ReadonlyMap<string, number | null>;
}

export interface TaylorOptions {
  readonly spec: UNetSpec;
  readonly weights: Weights;
  /** Evidence batch `index`, its timesteps drawn from the group whose expert is pruned. */
  readonly batch: (index: number) => MicroBatch;
  /** Number of batches. */
  readonly count: number;
  readonly signal?: AbortSignal;
  /** Called after each batch with the number of batches done. */
  readonly onBatch?: (done: number) => void;
}

/**
 * Importance by weight magnitude: per channel, the sum of squares of each member's slice, averaged over the members, divided
 * by the mean over the width's channels. The mean score of a width is therefore 1, which makes layers of different scale
 * comparable.
 */
export function magnitudeImportance(spec: UNetSpec, weights: Weights): ImportanceScores {
  return magnitudeScores(prunableWidths(spec), weights);
}

/** `magnitudeImportance` for given widths and members. */
export function magnitudeScores(
  widths: readonly Pick<PrunableWidth, 'id' | 'width' | 'members'>[],
  weights: Weights,
): ImportanceScores {
  return new Map(
    widths.map(({ id, width, members }) => {
      const scores = new Float64Array(width);
      for (const { tensor, axis } of members) {
        const array = weights.get(tensor)!;
        addSliceSums(scores, array, axis, (index) => array.data[index] ** 2 / members.length);
      }
      const mean = scores.reduce((sum, score) => sum + score, 0) / width;
      return [id, mean > 0 ? scores.map((score) => score / mean) : scores];
    }),
  );
}

/**
 * Group-conditioned first-order Taylor importance: per channel, the sum of |w * dL/dw| over its slices in all members, with
 * the loss of one batch, then the mean over batches.
 *
 * The product is taken batch by batch. Gradients of different batches are never added before it, because gradients of
 * different timesteps point in different directions, and a channel that matters at both must not cancel to nothing. Scores
 * thus do not depend on the order of the batches, but joining two batches into one may lower them.
 *
 * The unit is that of the loss (a bound on its change, to first order, if the weights of the slice were set to zero), which
 * is the same for every layer: scores are compared across layers as they are, without normalisation.
 *
 * Following Diff-Pruning (arXiv 2305.10924), with per-batch products and the gradients of one timestep group alone.
 */
export async function taylorImportance(
  options: TaylorOptions,
): Promise<{ scores: ImportanceScores; confidence: ImportanceConfidence }> {
  const { spec, weights, count, signal } = options;
  const widths = prunableWidths(spec);
  const names = [...new Set(widths.flatMap(({ members }) => members.map(({ tensor }) => tensor)))];
  const halves = [emptyScores(widths), emptyScores(widths)] as const;
  const runtime = toRuntime(weights);
  try {
    for (let index = 0; index < count; index++) {
      if (signal?.aborted) throw interrupted();
      const gradients = lossGradients(spec, runtime, options.batch(index), names);
      addTaylorScores(halves[index % 2 === 0 ? 0 : 1], widths, weights, gradients);
      options.onBatch?.(index + 1);
      await yieldToEventLoop();
    }
  } finally {
    for (const tensor of runtime.values()) tensor.dispose();
  }
  const [even, odd] = halves;
  const scores = new Map(
    [...even].map(([id, values]) => [id, values.map((value, channel) => (value + odd.get(id)![channel]) / count)]),
  );
  return { scores, confidence: agreement(even, odd) };
}

/** Adds one batch's |w * g| to `scores`, channel by channel. */
export function addTaylorScores(
  scores: ReadonlyMap<string, Float64Array>,
  widths: readonly Pick<PrunableWidth, 'id' | 'members'>[],
  weights: Weights,
  gradients: Weights,
): void {
  for (const { id, members } of widths) {
    for (const { tensor, axis } of members) {
      const weight = weights.get(tensor)!;
      const gradient = gradients.get(tensor)!.data;
      addSliceSums(scores.get(id)!, weight, axis, (index) => Math.abs(weight.data[index] * gradient[index]));
    }
  }
}

/** Confidence from the scores of two halves of the evidence. */
export function agreement(even: ImportanceScores, odd: ImportanceScores): ImportanceConfidence {
  const all = (half: ImportanceScores) => [...even.keys()].flatMap((id) => [...half.get(id)!]);
  return {
    overall: spearman(all(even), all(odd)),
    perWidth: new Map([...even].map(([id, values]) => [id, spearman(values, odd.get(id)!)])),
  };
}

function emptyScores(widths: readonly PrunableWidth[]): ReadonlyMap<string, Float64Array> {
  return new Map(widths.map(({ id, width }) => [id, new Float64Array(width)]));
}

/** Adds `value(flat index)` of every element to the channel that the element has on `axis` (row-major order). */
function addSliceSums(
  sums: Float64Array,
  { shape, data }: WeightArray,
  axis: number,
  value: (index: number) => number,
): void {
  const channels = shape[axis];
  const stride = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  for (let start = 0, channel = 0; start < data.length; start += stride) {
    for (let index = start; index < start + stride; index++) sums[channel] += value(index);
    channel = (channel + 1) % channels;
  }
}
