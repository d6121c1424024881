import { interrupted } from '../contract/errors.js';
import { toRuntime } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { openGradients } from '../training/gradients.js';
import type { MicroBatch } from '../training/trainStep.js';
import {
  addTaylorScores,
  agreement,
  type ImportanceConfidence,
  type ImportanceScores,
  type ScoredWidth,
  type TaylorTerm,
} from './importance.js';

export interface TaylorOptions {
  readonly spec: UNetSpec;
  readonly weights: Weights;
  readonly widths: readonly ScoredWidth[];
  readonly term: TaylorTerm;
  /** Evidence batch `index`, its timesteps drawn from the group whose expert is pruned. */
  readonly batch: (index: number) => MicroBatch;
  /** Number of batches, at most. */
  readonly count: number;
  /**
   * Whether a batch's loss is so small that neither it nor later batches count (`runningMaximumRule`). Without it all do.
   */
  readonly enough?: (loss: number) => boolean;
  readonly signal?: AbortSignal;
  /** Called after each batch with the number of batches done. */
  readonly onBatch?: (done: number) => void;
  /** Told why gradients are slower than the engine could compute them. */
  readonly warn?: (message: string) => void;
}

export interface GradientImportance {
  readonly scores: ImportanceScores;
  readonly confidence: ImportanceConfidence;
  /** Batches whose gradients were computed, the one that ended the evidence included. */
  readonly batches: number;
}

/**
 * Group-conditioned first-order Taylor importance: per channel, the sum of |w * dL/dw| (or of its square) over its slices in
 * all members, with the loss of one batch, then the mean over batches.
 *
 * The product is taken batch by batch. Gradients of different batches are never added before it, because gradients of
 * different timesteps point in different directions, and a channel that matters at both must not cancel to nothing. Scores
 * thus do not depend on the order of the batches, but joining two batches into one may lower them.
 *
 * The unit of |w * dL/dw| is that of the loss (a bound on its change, to first order, if the weights of the slice were set to
 * zero), which is the same for every layer: scores are compared across layers as they are, without normalisation.
 *
 * Following Diff-Pruning (arXiv 2305.10924), with per-batch products and the gradients of one timestep group alone.
 */
export async function taylorImportance(options: TaylorOptions): Promise<GradientImportance> {
  const { spec, weights, widths, term, count, signal } = options;
  const names = [...new Set(widths.flatMap(({ members }) => members.map(({ tensor }) => tensor)))];
  const halves = [emptyScores(widths), emptyScores(widths)] as const;
  const runtime = toRuntime(weights);
  const network = openGradients(spec, runtime, names, options.warn);
  let counted = 0;
  let computed = 0;
  try {
    while (computed < count) {
      if (signal?.aborted) throw interrupted();
      const { loss, gradients } = network.compute(options.batch(computed));
      computed++;
      if (options.enough?.(loss) === true) break;
      addTaylorScores(halves[counted % 2], widths, weights, gradients, term);
      counted++;
      options.onBatch?.(computed);
      await yieldToEventLoop();
    }
  } finally {
    network.dispose();
    for (const tensor of runtime.values()) tensor.dispose();
  }
  const [even, odd] = halves;
  const scores = new Map(
    [...even].map(([id, values]) => [id, values.map((value, channel) => (value + odd.get(id)![channel]) / counted)]),
  );
  return { scores, confidence: agreement(even, odd), batches: computed };
}

/**
 * Diff-Pruning's rule for how far to go from little noise to much: the steps whose loss is below `threshold` times the largest
 * loss so far, and all after them, carry too little of the loss to say which channels matter.
 */
export function runningMaximumRule(threshold: number): (loss: number) => boolean {
  let largest = 0;
  return (loss) => {
    largest = Math.max(largest, loss);
    return loss < threshold * largest;
  };
}

function emptyScores(widths: readonly ScoredWidth[]): ReadonlyMap<string, Float64Array> {
  return new Map(widths.map(({ id, width }) => [id, new Float64Array(width)]));
}
