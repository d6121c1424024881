/**
 * Entry of the thread that `openBatchSource` starts: draws batches a few updates ahead of the training, which runs meanwhile.
 */
import { workerData } from 'node:worker_threads';
import { BATCHES_AHEAD, type BatchThreadTask, type DrawnBatch } from './batchSource.js';
import { drawBatch } from './batches.js';
import type { MicroBatch } from './trainStep.js';

const { stream, first, last, taken, port } = workerData as BatchThreadTask;

for (let update = first; update <= last; update++) {
  // The training may have drawn a batch itself; it will not ask for that one again.
  update = Math.max(update, nextWanted(update));
  if (update > last) break;
  const drawn: DrawnBatch = { update, batches: drawBatch({ ...stream, update }) };
  port.postMessage(drawn, [...buffersOf(drawn.batches)]);
}

/** Waits until `update` is not too far ahead; returns the first update that the training has not taken. */
function nextWanted(update: number): number {
  for (;;) {
    const newest = Atomics.load(taken, 0);
    if (update <= newest + BATCHES_AHEAD) return newest + 1;
    Atomics.wait(taken, 0, newest);
  }
}

/** What the arrays of the batches are views of: moved to the training's thread, not copied. */
function buffersOf(batches: readonly MicroBatch[]): Set<ArrayBuffer> {
  const arrays = batches.flatMap(({ xt, target, timesteps, weights, bound }) => [
    xt,
    target,
    timesteps,
    weights,
    ...(bound ? [bound] : []),
  ]);
  return new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer));
}
