import { afterEach, describe, expect, it } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import { makeDataset, shareDataset } from '../../src/data/makeDataset.js';
import { trainingObjective } from '../../src/diffusion/objective.js';
import { openBatchSource, type BatchSource } from '../../src/training/batchSource.js';
import { drawBatch, type BatchStream } from '../../src/training/batches.js';

/** The compiled script of the thread: tests run from the sources, which a thread cannot load. */
const entry = new URL('../../dist/src/training/batchThread.js', import.meta.url);
const SIZE = 8;

const dataset = shareDataset(
  makeDataset({
    source: 'test',
    count: 30,
    size: SIZE,
    channels: 1,
    pixels: Uint8Array.from({ length: 30 * SIZE * SIZE }, (_, i) => (i * i * 31) % 256),
    labels: null,
    classes: [],
  }),
);
const config = configSchema.parse({
  diffusion: { timesteps: 50, prediction: 'v', variance: 'learned-range' },
  base: { lossWeight: 'min-snr' },
});
const stream: BatchStream = {
  dataset,
  objective: trainingObjective(config),
  draw: { from: 10, to: 30, timesteps: 50, overlap: 3, outsideProbability: 0.2, antithetic: true },
  seed: 5,
  stream: 'test',
  batch: 7,
  microBatch: 4,
  flip: true,
};

const open = new Set<BatchSource>();
function opened(options: Partial<Parameters<typeof openBatchSource>[1]>): BatchSource {
  const source = openBatchSource(stream, { fromUpdate: 0, steps: 40, entry, ...options });
  open.add(source);
  return source;
}
afterEach(async () => {
  for (const source of open) await source.close();
  open.clear();
});

/** Takes batches, with time for the thread in between, until it has drawn `count`. */
async function takeUntilAhead(source: BatchSource, fromUpdate: number, count: number, check: (update: number) => void) {
  let update = fromUpdate;
  while (source.drawnAhead < count) {
    update += 1;
    check(update);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a batch source', () => {
  it('gives the batches of drawBatch bit for bit, drawn ahead by a thread', async () => {
    const source = opened({ steps: 1e6 });
    await takeUntilAhead(source, 0, 5, (update) =>
      expect(source.take(update)).toEqual(drawBatch({ ...stream, update })),
    );
  });

  it('begins after the updates of a resumed training', async () => {
    const source = opened({ fromUpdate: 17, steps: 1e6 });
    await takeUntilAhead(source, 17, 2, (update) =>
      expect(source.take(update)).toEqual(drawBatch({ ...stream, update })),
    );
  });

  it('gives the same batches where no thread can be had, and says so once', async () => {
    const warnings: string[] = [];
    const missing = new URL('../../dist/src/training/absent.js', import.meta.url);
    const source = opened({ entry: missing, warn: (message) => warnings.push(message) });
    for (let update = 1; update <= 3; update++) {
      expect(source.take(update)).toEqual(drawBatch({ ...stream, update }));
    }
    await expect.poll(() => warnings.length).toBe(1);
    expect(warnings[0]).toMatch(/batches are drawn between updates.*absent/);
    expect(source.take(4)).toEqual(drawBatch({ ...stream, update: 4 }));
    expect(source.drawnAhead).toBe(0);
  });

  it('can be closed at any time, also twice and before the thread has started', async () => {
    const source = opened({});
    await source.close();
    await source.close();
    const later = opened({});
    later.take(1);
    await later.close();
  });
});
