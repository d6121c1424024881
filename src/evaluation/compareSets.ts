import { createHash, type Hash } from 'node:crypto';
import { inputError } from '../contract/errors.js';
import type { ByteImages, ImageSource, SavedStatistics } from '../formats/imageSets.js';
import { imagesFromBytes } from '../formats/pixels.js';
import type { FeatureExtractor } from './featureExtractor.js';
import { frechetDistance } from './frechet.js';
import { emptyStatistics, mergeStatistics, momentsOf, statisticsOf, type Moments } from './gaussianStatistics.js';
import { CLASSES, FEATURE_DIMENSIONS } from './inception/architecture.js';
import type { InceptionExtractor } from './inception/extractor.js';
import { inceptionScore, type InceptionScore } from './inceptionScore.js';
import { kernelDistance, type KernelDistance } from './kernelDistance.js';
import { precisionRecall, type PrecisionRecall } from './precisionRecall.js';

/** What two sets of images can be compared by. `is` looks at the first set alone. */
export const SET_METRICS = ['fid', 'kid', 'prdc', 'is'] as const;
export type SetMetric = (typeof SET_METRICS)[number];

export interface MeasuredSet {
  readonly path: string;
  /** Images; null for saved statistics, which do not tell. */
  readonly count: number | null;
  /** SHA-256 of the decoded images in their order, whatever they are stored as; of mean and covariance for statistics. */
  readonly hash: string;
  readonly moments: Moments;
  /** (count, dimensions); null when they were not asked for or are not there. */
  readonly features: Float32Array | null;
  /** (count, 1008); null likewise. */
  readonly probabilities: Float64Array | null;
}

export interface SetComparison {
  readonly fid?: number;
  readonly kid?: KernelDistance;
  readonly precisionRecall?: PrecisionRecall;
  readonly inceptionScore?: InceptionScore;
}

const DEFAULT_BATCH = 64;
/** Outer products pay off for many rows at once; between them this many rows of features wait. */
const ROWS_AT_ONCE = 1024;

/**
 * Features of a set and their statistics. Memory does not grow with the number of images unless their features are kept.
 * Inception features take images of any size, each resized by the metric's own rule; others take squares of one size.
 *
 * @throws input error `CLASSES_UNKNOWN` before anything is read where these features cannot classify
 */
export async function measureSet(
  source: ImageSource,
  extractor: FeatureExtractor | InceptionExtractor,
  options: {
    readonly keepFeatures: boolean;
    readonly classify: boolean;
    /** Images taken from the set at a time, default 64. */
    readonly batch?: number;
    readonly onProgress?: (imagesDone: number, images: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<MeasuredSet> {
  const { dimensions } = extractor;
  const { batch: size = DEFAULT_BATCH } = options;
  const inception = 'extractAny' in extractor ? extractor : null;
  if (options.classify && (inception === null || dimensions !== FEATURE_DIMENSIONS[3])) {
    throw inputError(
      'CLASSES_UNKNOWN',
      `features "${extractor.id}" of ${dimensions} dimensions know no classes, which the Inception Score needs`,
      'use Inception features of 2048 dimensions, or leave the metric "is" out',
    );
  }
  const features = options.keepFeatures ? new Float32Array(source.count * dimensions) : null;
  const probabilities = options.classify ? new Float64Array(source.count * CLASSES) : null;
  const square = { size: extractor.size, channels: extractor.channels as 1 | 3 };
  let statistics = emptyStatistics(dimensions);
  let waiting: Float64Array[] = [];
  let waitingRows = 0;
  const mergeWaiting = () => {
    statistics = mergeStatistics(statistics, statisticsOf(concatenate(waiting), dimensions));
    waiting = [];
    waitingRows = 0;
  };
  let done = 0;
  const hash = createHash('sha256');
  const batches = source.batches({ batch: size, signal: options.signal, square: inception ? undefined : square });
  for await (const batch of batches) {
    hashImages(hash, batch);
    const images = imagesFromBytes(batch.pixels);
    const values = inception
      ? await inception.extractAny({ ...batch, images }, options.signal)
      : await extractor.extract(images, batch.count, options.signal);
    features?.set(values, done * dimensions);
    if (probabilities !== null && inception !== null) {
      probabilities.set(await inception.classify(values, batch.count, options.signal), done * CLASSES);
    }
    waiting.push(values);
    waitingRows += batch.count;
    if (waitingRows >= ROWS_AT_ONCE) mergeWaiting();
    done += batch.count;
    options.onProgress?.(done, source.count);
  }
  if (waiting.length > 0) mergeWaiting();
  const moments = momentsOf(statistics);
  return { path: source.path, count: done, hash: hash.digest('hex'), moments, features, probabilities };
}

/** Every image with its shape, so that the hash does not depend on how the images were batched. */
function hashImages(hash: Hash, { count, height, width, channels, pixels }: ByteImages): void {
  const length = height * width * channels;
  for (let image = 0; image < count; image += 1) {
    hash.update(`${height} ${width} ${channels} `);
    hash.update(pixels.subarray(image * length, (image + 1) * length));
  }
}

/** Saved statistics in the place of a measured set. */
export function measuredStatistics(saved: SavedStatistics, extractorDimensions: number): MeasuredSet {
  const { path, dimensions, mean, covariance } = saved;
  if (dimensions !== extractorDimensions) {
    throw inputError(
      'STATISTICS_DIMENSIONS',
      `${path} holds statistics of ${dimensions} dimensions, the other side has ${extractorDimensions}`,
      `compare at ${dimensions} dimensions (--dims), or compute the statistics again`,
    );
  }
  const hash = createHash('sha256').update(bytesOf(mean)).update(bytesOf(covariance)).digest('hex');
  return { path, count: null, hash, moments: { dimensions, mean, covariance }, features: null, probabilities: null };
}

/** The metrics asked for, between generated images and a reference. */
export async function compareSets(
  generated: MeasuredSet,
  reference: MeasuredSet,
  metrics: readonly SetMetric[],
  options: { readonly kernelSeed: number; readonly signal?: AbortSignal },
): Promise<SetComparison> {
  const { dimensions } = generated.moments;
  const rows = (set: MeasuredSet): Float32Array => {
    if (set.features !== null) return set.features;
    throw inputError(
      'STATISTICS_ONLY',
      `${set.path} holds statistics, from which the Frechet distance alone can be computed`,
      'give the images for the kernel distance, precision and recall',
    );
  };
  const asked = new Set(metrics);
  return {
    ...(asked.has('fid') && { fid: frechetDistance(generated.moments, reference.moments) }),
    ...(asked.has('kid') && {
      kid: await kernelDistance({
        first: rows(generated),
        second: rows(reference),
        dimensions,
        seed: options.kernelSeed,
        signal: options.signal,
      }),
    }),
    ...(asked.has('prdc') && {
      precisionRecall: await precisionRecall({
        generated: rows(generated),
        real: rows(reference),
        dimensions,
        signal: options.signal,
      }),
    }),
    ...(asked.has('is') && { inceptionScore: inceptionScore(classesOf(generated), CLASSES) }),
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function classesOf(set: MeasuredSet): Float64Array {
  if (set.probabilities !== null) return set.probabilities;
  throw inputError(
    'STATISTICS_ONLY',
    `${set.path} holds no images that the Inception network has classified`,
    'the Inception Score needs images and Inception features of 2048 dimensions',
  );
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const joined = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
