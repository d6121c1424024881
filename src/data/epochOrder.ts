import { randomPermutation } from '../tensor/random.js';

/** Which order of images: two streams of one seed shuffle differently. */
export interface OrderKey {
  readonly seed: number;
  readonly stream: string;
}

interface CachedEpoch extends OrderKey {
  readonly epoch: number;
  readonly count: number;
  readonly order: Int32Array;
}

/** A batch touches one epoch, or two where it straddles a border; making the order again for every batch would be slow. */
const CACHED_EPOCHS = 2;
let cache: readonly CachedEpoch[] = [];

function epochPermutation({ seed, stream }: OrderKey, epoch: number, count: number): Int32Array {
  const cached = cache.find(
    (entry) => entry.epoch === epoch && entry.stream === stream && entry.seed === seed && entry.count === count,
  );
  if (cached) return cached.order;
  const order = randomPermutation({ seed, stream, index: epoch }, count);
  cache = [{ seed, stream, epoch, count, order }, ...cache].slice(0, CACHED_EPOCHS);
  return order;
}

/**
 * The images of one optimizer update. Updates walk through shuffled epochs end to end: each epoch visits each image exactly
 * once, and a batch may straddle two epochs. The answer depends on the arguments alone, so a run that resumes at any update
 * sees the same images as one that never stopped.
 *
 * @param update counted from 1, as optimizer updates are
 * @param batch images per update
 * @returns (batch) indices in [0, count)
 */
export function imageIndices(key: OrderKey, count: number, update: number, batch: number): Int32Array {
  if (update < 1 || count < 1) throw new RangeError(`no images for update ${update} of ${count} images`);
  const indices = new Int32Array(batch);
  const start = (update - 1) * batch;
  for (let done = 0; done < batch;) {
    const epoch = Math.floor((start + done) / count);
    const offset = start + done - epoch * count;
    const taken = Math.min(batch - done, count - offset);
    indices.set(epochPermutation(key, epoch, count).subarray(offset, offset + taken), done);
    done += taken;
  }
  return indices;
}
