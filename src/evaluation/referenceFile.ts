import { stat } from 'node:fs/promises';
import { readInputFile } from '../formats/inputFile.js';
import { decodeNpz, encodeNpz, requireArray } from '../formats/npz.js';
import { writeFileAtomic } from '../project/atomicFile.js';
import type { Dataset } from '../data/dataset.js';
import type { FeatureExtractor } from './featureExtractor.js';
import type { ReferenceFeatures } from './referenceFeatures.js';

/**
 * Keeps a reference set's statistics: an npz with `mu` and `sigma` as pytorch-fid writes them, and beside them the `features` that the
 * kernel distance and the neighbourhoods need.
 */
export async function writeReference(path: string, reference: ReferenceFeatures): Promise<void> {
  const { features, moments, count } = reference;
  const { dimensions, mean, covariance } = moments;
  await writeFileAtomic(
    path,
    encodeNpz({
      mu: { dtype: '<f8', shape: [dimensions], data: mean },
      sigma: { dtype: '<f8', shape: [dimensions, dimensions], data: covariance },
      features: { dtype: '<f4', shape: [count, dimensions], data: Float32Array.from(features) },
      identity: { dtype: '|u1', shape: [64], data: identity(reference) },
    }),
  );
}

/** What `writeReference` kept of all images of a data set in these features; null when there is nothing or it is of others. */
export async function readReference(
  path: string,
  extractor: FeatureExtractor,
  dataset: Dataset,
): Promise<ReferenceFeatures | null> {
  if ((await stat(path).catch(() => null)) === null) return null;
  const bytes = await readInputFile(path);
  const { count, hash, source } = dataset;
  const { dimensions, hash: extractorHash } = extractor;
  const arrays = decodeNpz(bytes, path);
  const kept = requireArray(arrays, ['identity'], { dtypes: ['|u1'], shape: [64] }, path).data;
  if (Buffer.compare(kept, identity({ hash, extractorHash })) !== 0) return null;
  return {
    source,
    count,
    hash,
    extractorHash,
    features: requireArray(arrays, ['features'], { dtypes: ['<f4'], shape: [count, dimensions] }, path).data,
    moments: {
      dimensions,
      mean: requireArray(arrays, ['mu'], { dtypes: ['<f8'], shape: [dimensions] }, path).data,
      covariance: requireArray(arrays, ['sigma'], { dtypes: ['<f8'], shape: [dimensions, dimensions] }, path).data,
    },
  };
}

/** The hashes of features and data, 32 bytes each. */
function identity({ hash, extractorHash }: Pick<ReferenceFeatures, 'hash' | 'extractorHash'>): Uint8Array {
  const whole = new Uint8Array(64);
  whole.set(Buffer.from(extractorHash, 'hex').subarray(0, 32), 0);
  whole.set(Buffer.from(hash, 'hex').subarray(0, 32), 32);
  return whole;
}
