import * as tf from '@tensorflow/tfjs-core';

/** Reads of tensors' contents since `start`, on the clock of `performance.now()`. */
export interface ReadBacks {
  start(): void;
  /** Milliseconds spent reading. */
  readonly milliseconds: number;
  /** When the last read ended; null before the first. */
  readonly lastEnd: number | null;
  /** Watches no longer. */
  stop(): void;
}

/** Watches the open engine hand tensors back to the program. Its other calls are synchronous too, so time between reads is work. */
export function watchReadBacks(): ReadBacks {
  const backend: Pick<tf.KernelBackend, 'readSync'> = tf.backend();
  const read = backend.readSync.bind(backend);
  let milliseconds = 0;
  let lastEnd: number | null = null;
  backend.readSync = (id) => {
    const started = performance.now();
    const values = read(id);
    lastEnd = performance.now();
    milliseconds += lastEnd - started;
    return values;
  };
  return {
    start() {
      milliseconds = 0;
      lastEnd = null;
    },
    get milliseconds() {
      return milliseconds;
    },
    get lastEnd() {
      return lastEnd;
    },
    stop() {
      // The class's own method shows again.
      delete (backend as Partial<typeof backend>).readSync;
    },
  };
}
