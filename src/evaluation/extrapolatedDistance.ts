import { inputError, interrupted } from '../contract/errors.js';
import { randomPermutation } from '../tensor/random.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import type { FeatureRows } from './featureExtractor.js';
import { frechetDistance } from './frechet.js';
import { momentsOf, statisticsOf, type Moments } from './gaussianStatistics.js';

/**
 * The Frechet distance of infinitely many images (Chong and Forsyth 2020, arXiv 1911.07023): a distance of N images is too
 * large by about c / N, so distances at several N lie on a line in 1 / N, whose intercept is free of that bias.
 */
export interface ExtrapolatedDistance {
  /** The intercept: the estimate for infinitely many images. */
  readonly value: number;
  /** The slope c of the line in 1 / N. */
  readonly slope: number;
  /** What the line was fitted to. */
  readonly points: readonly { readonly images: number; readonly distance: number }[];
}

export interface ExtrapolationOptions {
  /** (N, dimensions) row-major features of generated images. */
  readonly features: FeatureRows;
  readonly reference: Moments;
  /** Numbers of images the distance is taken at. Default 15. */
  readonly sizes?: number;
  /** The smallest of them. Default 5000, or a tenth of the images where that is more than they allow. */
  readonly smallest?: number;
  /** Seed of the draws, without replacement. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_SIZES = 15;
const DEFAULT_SMALLEST = 5000;

/** @throws input error `TOO_FEW_IMAGES` when there are not that many different sizes of at least two images */
export async function extrapolatedDistance(options: ExtrapolationOptions): Promise<ExtrapolatedDistance> {
  const { features, reference, sizes = DEFAULT_SIZES, seed, signal } = options;
  const { dimensions } = reference;
  const count = features.length / dimensions;
  const smallest = options.smallest ?? (count > 2 * DEFAULT_SMALLEST ? DEFAULT_SMALLEST : Math.ceil(count / 10));
  if (smallest < 2 || count - smallest < sizes - 1 || sizes < 2) {
    throw inputError(
      'TOO_FEW_IMAGES',
      `${count} images give no ${sizes} sizes from ${smallest} on to extrapolate from`,
      'use more images; the published recipe takes 50,000',
    );
  }
  const points: { images: number; distance: number }[] = [];
  for (let index = 0; index < sizes; index += 1) {
    if (signal?.aborted) throw interrupted();
    const images = Math.round(smallest + ((count - smallest) * index) / (sizes - 1));
    const rows = randomPermutation({ seed, stream: 'extrapolation', index }, count).subarray(0, images);
    const drawn = new Float64Array(images * dimensions);
    rows.forEach((row, place) => {
      drawn.set(features.subarray(row * dimensions, (row + 1) * dimensions), place * dimensions);
    });
    const distance = frechetDistance(momentsOf(statisticsOf(drawn, dimensions)), reference);
    points.push({ images, distance });
    await yieldToEventLoop();
  }
  return { ...lineInReciprocal(points), points };
}

/** Least-squares line distance = value + slope / images. */
function lineInReciprocal(points: ExtrapolatedDistance['points']): { value: number; slope: number } {
  const x = points.map(({ images }) => 1 / images);
  const meanX = x.reduce((sum, value) => sum + value, 0) / x.length;
  const meanY = points.reduce((sum, { distance }) => sum + distance, 0) / x.length;
  const covariance = points.reduce((sum, { distance }, index) => sum + (x[index] - meanX) * (distance - meanY), 0);
  const variance = x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
  const slope = covariance / variance;
  return { value: meanY - slope * meanX, slope };
}
