import { inputError } from '../contract/errors.js';
import type { FeatureExtractor } from './featureExtractor.js';
import { frechetDistance } from './frechet.js';
import { momentsOf, statisticsOf } from './gaussianStatistics.js';
import { kernelDistance, type KernelDistance } from './kernelDistance.js';
import { describeProtocol, type Protocol, type ProtocolContext } from './protocol.js';
import type { ReferenceFeatures } from './referenceFeatures.js';

export interface SampleEvaluation {
  /** Frechet distance to the reference, lower is better; its name is `protocol.metric`. */
  readonly fd: number;
  readonly kid: KernelDistance;
  readonly protocol: Protocol;
}

export interface SampleEvaluationOptions {
  readonly extractor: FeatureExtractor;
  readonly reference: ReferenceFeatures;
  /** (count, size, size, channels) in [-1, 1]. */
  readonly images: Float32Array;
  readonly count: number;
  readonly context: ProtocolContext;
  /** Seed of the kernel distance's subsets, default 0: the same subsets for every model. */
  readonly kernelSeed?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Distances between generated images and the reference, with the protocol they were measured under. */
export async function evaluateSamples(options: SampleEvaluationOptions): Promise<SampleEvaluation> {
  const { extractor, reference, images, count, context, kernelSeed = 0, signal } = options;
  if (reference.extractorHash !== extractor.hash) {
    throw inputError(
      'FEATURES_DIFFER',
      `the reference was computed with other weights than features "${extractor.id}"`,
      'compute the reference again with this feature network',
    );
  }
  const expectedLength = count * extractor.size * extractor.size * extractor.channels;
  if (images.length !== expectedLength) {
    throw inputError(
      'IMAGES_SHAPE',
      `${images.length} pixel values are not ${count} images of ${extractor.size} x ${extractor.size} x ${extractor.channels}`,
      'generate the images at the size of the reference data',
    );
  }
  if (!images.every(Number.isFinite)) {
    throw inputError(
      'IMAGES_NOT_FINITE',
      'the generated images contain values that are not finite',
      'train the model longer or with a smaller learning rate',
    );
  }
  const features = await extractor.extract(images, count, signal);
  const fd = frechetDistance(momentsOf(statisticsOf(features, extractor.dimensions)), reference.moments);
  const kid = await kernelDistance({
    first: features,
    second: reference.features,
    dimensions: extractor.dimensions,
    seed: kernelSeed,
    signal,
  });
  const protocol = describeProtocol({
    extractor,
    context,
    samples: count,
    reference: { source: reference.source, images: reference.count, hash: reference.hash },
    kernel: { subsets: kid.subsets, subsetSize: kid.subsetSize, seed: kernelSeed },
  });
  return { fd, kid, protocol };
}
