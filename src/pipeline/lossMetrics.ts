import type { MetricLine } from './metricsFile.js';

/** Equal bins over [0, T) in which the loss is logged: enough to see difficulty by timestep, few enough to log often. */
export const TIMESTEP_BINS = 20;

/** Log lines per training: enough for any chart, and a file of the same size for long and short runs. */
const LOG_LINES = 1000;

/** Updates that one line of the log stands for. */
export function updatesPerLine(steps: number): number {
  return Math.ceil(steps / LOG_LINES);
}

/** Sums of an unfinished log interval. JSON keeps float64 exactly, so a checkpoint carries it and resume repeats the log. */
export interface PendingMetrics {
  readonly updates: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly binSums: readonly number[];
  readonly binCounts: readonly number[];
}

export function emptyMetrics(): PendingMetrics {
  const zeros = () => new Array<number>(TIMESTEP_BINS).fill(0);
  return { updates: 0, loss: 0, gradientNorm: 0, binSums: zeros(), binCounts: zeros() };
}

/**
 * Adds one update.
 * @param timesteps of every image of the update, in batch order
 * @param perImageLoss same order
 */
export function addUpdate(
  pending: PendingMetrics,
  update: { loss: number; gradientNorm: number; perImageLoss: Float32Array },
  timesteps: readonly number[],
  totalTimesteps: number,
): PendingMetrics {
  const binSums = [...pending.binSums];
  const binCounts = [...pending.binCounts];
  timesteps.forEach((timestep, index) => {
    const bin = Math.floor((timestep * TIMESTEP_BINS) / totalTimesteps);
    binSums[bin] += update.perImageLoss[index];
    binCounts[bin] += 1;
  });
  return {
    updates: pending.updates + 1,
    loss: pending.loss + update.loss,
    gradientNorm: pending.gradientNorm + update.gradientNorm,
    binSums,
    binCounts,
  };
}

/** The log line of an interval that ends at `step`. */
export function metricLine(pending: PendingMetrics, step: number, learningRate: number): MetricLine {
  return {
    step,
    loss: pending.loss / pending.updates,
    gradientNorm: pending.gradientNorm / pending.updates,
    learningRate,
    lossByTimestep: pending.binSums.map((sum, bin) =>
      pending.binCounts[bin] === 0 ? null : sum / pending.binCounts[bin],
    ),
  };
}
