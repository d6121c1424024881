import * as tf from '@tensorflow/tfjs-core';
import { inputError, interrupted } from '../../contract/errors.js';
import { yieldToEventLoop } from '../../tensor/yield.js';
import type { ClassifyingExtractor } from '../featureExtractor.js';
import { CLASSES, FEATURE_DIMENSIONS, type InceptionDimensions } from './architecture.js';
import { classProbabilities, inceptionTensors } from './network.js';
import { runInception } from './recordedNetwork.js';
import type { InceptionWeights } from './weights.js';

/** Activations of one image reach 5.5 MB, several of which are alive at once. */
const DEFAULT_BATCH = 16;
/** More images in one pass are no faster and take memory alone, so larger batches are divided. */
const LARGEST_PASS = 25;

/** Images (count, height, width, channels) in [-1, 1]. */
export interface ImageBatch {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly images: Float32Array;
}

export interface InceptionExtractor extends ClassifyingExtractor {
  /** As `extract`, for images of any one size and shape: the network resizes what it is given. */
  extractAny(batch: ImageBatch, signal?: AbortSignal): Promise<Float64Array>;
}

/**
 * The features of FID. Only the published weights at 2048 dimensions make the distance an `FID`; with others it is named after
 * what it is. Grey images are shown to the network as RGB of equal channels. Weights are put on the engine for each call.
 *
 * @param batchSize most images that go through the network at a time, of which it takes 25 at most; it changes memory and speed, not
 *   the features
 */
export function createInceptionExtractor(
  source: InceptionWeights,
  image: { readonly size: number; readonly channels: number },
  dimensions: InceptionDimensions = 2048,
  batchSize = DEFAULT_BATCH,
): InceptionExtractor {
  const imagesPerBatch = Math.min(batchSize, LARGEST_PASS);
  const { size, channels } = image;
  function extractAny(batch: ImageBatch, signal?: AbortSignal): Promise<Float64Array> {
    const { count, height, width } = batch;
    const length = height * width * batch.channels;
    return inBatches({ source, count, width: dimensions, imagesPerBatch, signal }, (tensors, start, images) => {
      const pixels = batch.images.subarray(start * length, (start + images) * length);
      const given = tf.tensor4d(pixels, [images, height, width, batch.channels]);
      const colour = batch.channels === 3 ? given : tf.tile(given, [1, 1, 1, 3]);
      return runInception(tensors, colour, dimensions);
    });
  }
  return {
    id: `inception-2015-12-05-${dimensions}`,
    label: inceptionLabel(source.official, dimensions),
    dimensions,
    hash: source.hash,
    accuracy: null,
    resize: 'each image on its own, bilinear to 299 x 299, half-pixel centres, no antialiasing (pytorch-fid)',
    size,
    channels,
    extractAny,
    extract: (images, count, signal) => extractAny({ count, height: size, width: size, channels, images }, signal),
    async classify(features, count, signal) {
      if (features.length !== count * FEATURE_DIMENSIONS[3]) {
        throw inputError(
          'FEATURES_SHAPE',
          `${features.length} feature values are not ${count} vectors of ${FEATURE_DIMENSIONS[3]}`,
          'the Inception Score needs features of 2048 dimensions',
        );
      }
      return inBatches({ source, count, width: CLASSES, imagesPerBatch, signal }, (tensors, start, batch) => {
        const rows = Float32Array.from(features.subarray(start * dimensions, (start + batch) * dimensions));
        return classProbabilities(tensors, tf.tensor2d(rows, [batch, dimensions]));
      });
    },
  };
}

function inceptionLabel(official: boolean, dimensions: InceptionDimensions): string {
  if (!official) return 'FD (inception-v3, other weights)';
  return dimensions === 2048 ? 'FID' : `FD (inception-v3, ${dimensions} dimensions)`;
}

interface Batching {
  readonly source: InceptionWeights;
  readonly count: number;
  readonly width: number;
  readonly imagesPerBatch: number;
  readonly signal: AbortSignal | undefined;
}

/** Runs `compute` on the engine for one batch after the other; its rows, of `width` values, one below the other. */
async function inBatches(
  { source, count, width, imagesPerBatch, signal }: Batching,
  compute: (tensors: ReadonlyMap<string, tf.Tensor>, start: number, batch: number) => tf.Tensor2D,
): Promise<Float64Array> {
  const results = new Float64Array(count * width);
  const tensors = inceptionTensors(source.weights);
  try {
    for (let start = 0; start < count; start += imagesPerBatch) {
      if (signal?.aborted) throw interrupted();
      const values = tf.tidy(() => compute(tensors, start, Math.min(imagesPerBatch, count - start)));
      try {
        results.set(await values.data(), start * width);
      } finally {
        values.dispose();
      }
      await yieldToEventLoop();
    }
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
  return results;
}
