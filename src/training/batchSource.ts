import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { drawBatch, type BatchStream } from './batches.js';
import type { MicroBatch } from './trainStep.js';

/** Batches that may wait to be used: one would do if no update ever took longer than another. */
export const BATCHES_AHEAD = 2;

/** What the thread is told. */
export interface BatchThreadTask {
  readonly stream: BatchStream;
  /** First and last update to draw for. */
  readonly first: number;
  readonly last: number;
  /** Shared: the newest update whose batch the training took. */
  readonly taken: Int32Array;
  readonly port: MessagePort;
}

/** What the thread sends. */
export interface DrawnBatch {
  readonly update: number;
  readonly batches: MicroBatch[];
}

/** The batches of a training, update by update. */
export interface BatchSource {
  /** The batch of an update: the same whoever drew it. Updates must rise. */
  take(update: number): MicroBatch[];
  /** Batches taken so far that the thread had drawn. */
  readonly drawnAhead: number;
  /** Ends the thread. */
  close(): Promise<void>;
}

export interface BatchSourceOptions {
  /** Updates already done. */
  readonly fromUpdate: number;
  /** Last update. */
  readonly steps: number;
  /** Told once when there is no thread, and why. */
  readonly warn?: (message: string) => void;
  /** Script of the thread. */
  readonly entry?: URL;
}

/**
 * Draws batches in a thread, beside the updates, which block this one. The training never waits for the thread: a batch that is
 * not ready is drawn here. Every batch is a function of the stream and its update alone (`drawBatch`), so neither this nor the
 * lack of a thread can change one.
 *
 * The arrays of a batch are moved between threads. Memory that both share would have to be used again, and an engine may
 * still hold on to what it was given.
 */
export function openBatchSource(stream: BatchStream, options: BatchSourceOptions): BatchSource {
  const { fromUpdate, steps, warn = () => undefined } = options;
  const entry = options.entry ?? new URL('./batchThread.js', import.meta.url);
  const taken = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  // The first batch is needed at once, and drawn here while the thread starts.
  taken[0] = fromUpdate + 1;
  const { port1: received, port2: port } = new MessageChannel();
  const ready = new Map<number, MicroBatch[]>();
  let drawnAhead = 0;
  let worker: Worker | null = null;

  const giveUp = (error: Error) => {
    worker = null;
    warn(`batches are drawn between updates, for there is no thread to draw them: ${error.message.split('\n', 1)[0]}`);
  };
  try {
    const task: BatchThreadTask = { stream, first: fromUpdate + 2, last: steps, taken, port };
    worker = new Worker(entry, { workerData: task, transferList: [port] });
    worker.once('error', giveUp);
    // Neither keeps a process alive that has nothing else to do.
    worker.unref();
    received.unref();
  } catch (error) {
    giveUp(error as Error);
  }

  return {
    take(update) {
      Atomics.store(taken, 0, update);
      Atomics.notify(taken, 0);
      for (let next = receiveMessageOnPort(received); next !== undefined; next = receiveMessageOnPort(received)) {
        const drawn = next.message as DrawnBatch;
        ready.set(drawn.update, drawn.batches);
      }
      const batches = ready.get(update);
      for (const earlier of ready.keys()) if (earlier <= update) ready.delete(earlier);
      if (batches !== undefined) drawnAhead += 1;
      return batches ?? drawBatch({ ...stream, update });
    },
    get drawnAhead() {
      return drawnAhead;
    },
    async close() {
      received.close();
      ready.clear();
      await worker?.terminate();
    },
  };
}
