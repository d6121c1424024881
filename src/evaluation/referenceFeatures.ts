import { inputError } from '../contract/errors.js';
import { normalisedImages } from '../data/batchImages.js';
import type { Dataset } from '../data/dataset.js';
import type { FeatureExtractor, FeatureRows } from './featureExtractor.js';
import { emptyStatistics, mergeStatistics, momentsOf, statisticsOf, type Moments } from './gaussianStatistics.js';

/** Real images as a metric sees them: computed once, compared with every model. */
export interface ReferenceFeatures {
  readonly source: string;
  readonly count: number;
  /** SHA-256 of the data set the images come from. */
  readonly hash: string;
  readonly extractorHash: string;
  /** (count, dimensions) row-major. */
  readonly features: FeatureRows;
  readonly moments: Moments;
}

/** Images turned into floats at a time. */
const CHUNK = 1024;

/** Features and moments of the first `count` images of a data set (default: all of them). */
export async function referenceFeatures(
  extractor: FeatureExtractor,
  dataset: Dataset,
  options: {
    readonly count?: number | undefined;
    readonly onProgress?: (imagesDone: number) => void;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<ReferenceFeatures> {
  if (dataset.size !== extractor.size || dataset.channels !== extractor.channels) {
    throw inputError(
      'FEATURES_DIFFER',
      `reference images of ${describeShape(dataset)} do not fit features "${extractor.id}" for ${describeShape(extractor)}`,
      'use the feature network that was trained on this data set',
    );
  }
  const count = Math.min(options.count ?? dataset.count, dataset.count);
  const features = new Float32Array(count * extractor.dimensions);
  let statistics = emptyStatistics(extractor.dimensions);
  for (let start = 0; start < count; start += CHUNK) {
    const indices = Int32Array.from({ length: Math.min(CHUNK, count - start) }, (_, offset) => start + offset);
    const images = normalisedImages(dataset, indices, null);
    const chunk = await extractor.extract(images, indices.length, options.signal);
    features.set(chunk, start * extractor.dimensions);
    statistics = mergeStatistics(statistics, statisticsOf(chunk, extractor.dimensions));
    options.onProgress?.(start + indices.length);
  }
  return {
    source: dataset.source,
    count,
    hash: dataset.hash,
    extractorHash: extractor.hash,
    features,
    moments: momentsOf(statistics),
  };
}

function describeShape(shape: { readonly size: number; readonly channels: number }): string {
  return `${shape.size} x ${shape.size} x ${shape.channels}`;
}
