import { createHash } from 'node:crypto';
import type { Dataset } from './dataset.js';

const HASH_CHUNK = 2 ** 30;

function hashDataset({ count, size, channels, pixels, labels }: Omit<Dataset, 'hash'>): string {
  const hash = createHash('sha256');
  hash.update(`${count} ${size} ${channels} ${labels ? 'labelled' : 'unlabelled'}\n`);
  for (let from = 0; from < pixels.length; from += HASH_CHUNK) hash.update(pixels.subarray(from, from + HASH_CHUNK));
  if (labels) hash.update(labels);
  return hash.digest('hex');
}

/** A data set with its identity: the SHA-256 of its shape, pixels and labels, wherever they came from. */
export function makeDataset(parts: Omit<Dataset, 'hash'>): Dataset {
  const { count, size, channels, pixels, labels } = parts;
  if (pixels.length !== count * size * size * channels || (labels !== null && labels.length !== count)) {
    throw new RangeError(`${pixels.length} bytes are not ${count} images of ${size} x ${size} x ${channels}`);
  }
  return { ...parts, hash: hashDataset(parts) };
}

/** The same data in memory that threads share; elsewhere each would hold a copy. */
export function shareDataset(dataset: Dataset): Dataset {
  const pixels = new Uint8Array(new SharedArrayBuffer(dataset.pixels.length));
  pixels.set(dataset.pixels);
  return { ...dataset, pixels };
}
