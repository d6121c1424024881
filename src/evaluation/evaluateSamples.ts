import type { EvaluationConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import { extrapolatedDistance, type ExtrapolatedDistance } from './extrapolatedDistance.js';
import type { ClassifyingExtractor, FeatureExtractor } from './featureExtractor.js';
import { frechetDistance } from './frechet.js';
import {
  emptyStatistics,
  mergeStatistics,
  momentsOf,
  statisticsOf,
  type GaussianStatistics,
} from './gaussianStatistics.js';
import { CLASSES } from './inception/architecture.js';
import { inceptionScore, type InceptionScore } from './inceptionScore.js';
import { kernelDistance, type KernelDistance } from './kernelDistance.js';
import { precisionRecall, type PrecisionRecall } from './precisionRecall.js';
import { describeProtocol, type Protocol, type ProtocolContext } from './protocol.js';
import type { ReferenceFeatures } from './referenceFeatures.js';

export interface SampleEvaluation {
  /** Frechet distance to the reference, lower is better; its name is `protocol.metric`. */
  readonly fd: number;
  readonly kid: KernelDistance;
  /** The following are there when they were asked for. */
  readonly precisionRecall?: PrecisionRecall;
  readonly inceptionScore?: InceptionScore;
  readonly extrapolated?: ExtrapolatedDistance;
  readonly protocol: Protocol;
}

export interface SampleEvaluationOptions {
  readonly extractor: FeatureExtractor | ClassifyingExtractor;
  readonly reference: ReferenceFeatures;
  /** Images (any count, size, size, channels) in [-1, 1], shard by shard: one is in memory at a time. */
  readonly shards: AsyncIterable<Float32Array> | Iterable<Float32Array>;
  readonly context: ProtocolContext;
  /** Metrics beside the two distances. */
  readonly metrics?: readonly EvaluationConfig['metrics'][number][];
  /** Seed of the kernel distance's subsets and of the extrapolation's draws, default 0: the same for every model. */
  readonly kernelSeed?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Distances between generated images and the reference, with the protocol they were measured under. */
export async function evaluateSamples(options: SampleEvaluationOptions): Promise<SampleEvaluation> {
  const { extractor, reference, context, kernelSeed = 0, metrics = [], signal } = options;
  const { dimensions } = extractor;
  if (reference.extractorHash !== extractor.hash) {
    throw inputError(
      'FEATURES_DIFFER',
      `the reference was computed with other weights than features "${extractor.id}"`,
      'compute the reference again with this feature network',
    );
  }
  const { statistics, features, probabilities } = await featuresOfShards(options);
  const fd = frechetDistance(momentsOf(statistics), reference.moments);
  const seeded = { seed: kernelSeed, signal };
  const kid = await kernelDistance({ first: features, second: reference.features, dimensions, ...seeded });
  const further: Pick<SampleEvaluation, 'precisionRecall' | 'inceptionScore' | 'extrapolated'> = {
    ...(metrics.includes('precision-recall') && {
      precisionRecall: await precisionRecall({
        generated: features,
        // As many real images as generated ones: recall of few images against many would say little.
        real: reference.features.subarray(0, features.length),
        dimensions,
        signal,
      }),
    }),
    ...(probabilities !== null && { inceptionScore: inceptionScore(probabilities, CLASSES) }),
    ...(metrics.includes('extrapolated') && {
      extrapolated: await extrapolatedDistance({ features, reference: reference.moments, ...seeded }),
    }),
  };
  const protocol = describeProtocol({
    extractor,
    context,
    samples: statistics.count,
    reference: { source: reference.source, images: reference.count, hash: reference.hash },
    kernel: { subsets: kid.subsets, subsetSize: kid.subsetSize, seed: kernelSeed },
    further: {
      ...(further.precisionRecall && { neighbours: further.precisionRecall.neighbours }),
      ...(further.inceptionScore && { splits: further.inceptionScore.splits }),
      ...(further.extrapolated && {
        extrapolation: { sizes: further.extrapolated.points.map(({ images }) => images), seed: kernelSeed },
      }),
    },
  });
  return { fd, kid, ...further, protocol };
}

/** Features of all images in their order, their statistics, and class probabilities where the Inception Score is asked for. */
async function featuresOfShards({ extractor, shards, metrics = [], signal }: SampleEvaluationOptions): Promise<{
  statistics: GaussianStatistics;
  features: Float32Array;
  probabilities: Float64Array | null;
}> {
  const classifier = metrics.includes('inception-score') && 'classify' in extractor ? extractor : null;
  const parts: Float32Array[] = [];
  const classes: Float64Array[] = [];
  let statistics = emptyStatistics(extractor.dimensions);
  for await (const images of shards) {
    const count = imagesOfShard(images, extractor);
    const features = await extractor.extract(images, count, signal);
    statistics = mergeStatistics(statistics, statisticsOf(features, extractor.dimensions));
    parts.push(Float32Array.from(features));
    if (classifier !== null) classes.push(await classifier.classify(features, count, signal));
  }
  return {
    statistics,
    features: joined(parts, (length) => new Float32Array(length)),
    probabilities: classifier === null ? null : joined(classes, (length) => new Float64Array(length)),
  };
}

function imagesOfShard(images: Float32Array, { size, channels }: FeatureExtractor): number {
  const count = images.length / (size * size * channels);
  if (!Number.isInteger(count)) {
    throw inputError(
      'IMAGES_SHAPE',
      `${images.length} pixel values are not whole images of ${size} x ${size} x ${channels}`,
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
  return count;
}

function joined<T extends Float32Array | Float64Array>(parts: readonly T[], allocate: (length: number) => T): T {
  const whole = allocate(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
