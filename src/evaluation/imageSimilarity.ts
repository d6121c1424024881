import { inputError } from '../contract/errors.js';

/** How alike the images of two models are that start from the same noises: means over the pairs. */
export interface ImageSimilarity {
  /** Structural similarity (Wang et al. 2004), at most 1, which only equal images reach. */
  readonly ssim: number;
  /** Mean absolute and root mean squared difference of pixels on the scale 0..1. */
  readonly absoluteError: number;
  readonly rootMeanSquare: number;
  readonly pairs: number;
}

/** The published constants: an 11 x 11 Gaussian window of deviation 1.5, K1 = 0.01, K2 = 0.03, values of range 1. */
const RADIUS = 5;
const DEVIATION = 1.5;
const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;

const WINDOW = gaussianWindow();

/**
 * SSIM and pixel errors between image i of the first set and image i of the second, both (count, size, size, channels) in
 * [-1, 1]. SSIM is taken per channel and averaged over channels and over the places where the whole window lies inside the
 * image, with biased window variances, as scikit-image does with `gaussian_weights=True, use_sample_covariance=False`.
 *
 * @throws input errors IMAGES_SHAPE; IMAGES_TOO_SMALL for images smaller than the window
 */
export function imageSimilarity(
  first: Float32Array,
  second: Float32Array,
  image: { readonly size: number; readonly channels: number },
): ImageSimilarity {
  const { size, channels } = image;
  const length = size * size * channels;
  if (first.length !== second.length || first.length === 0 || first.length % length !== 0) {
    throw inputError(
      'IMAGES_SHAPE',
      `${first.length} and ${second.length} pixel values are not two sets of as many images of ${size} x ${size} x ${channels}`,
      'compare sets that were generated from the same noises',
    );
  }
  if (size < 2 * RADIUS + 1) {
    throw inputError(
      'IMAGES_TOO_SMALL',
      `SSIM looks through a window of ${2 * RADIUS + 1} pixels, the images have ${size}`,
      'compare larger images',
    );
  }
  const pairs = first.length / length;
  let absolute = 0;
  let squared = 0;
  first.forEach((value, index) => {
    const difference = Math.abs(value - second[index]) / 2;
    absolute += difference;
    squared += difference * difference;
  });
  let ssim = 0;
  for (let pair = 0; pair < pairs; pair += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      const plane = (images: Float32Array) =>
        Float64Array.from({ length: size * size }, (_, pixel) => {
          return (images[pair * length + pixel * channels + channel] + 1) / 2;
        });
      ssim += planeSimilarity(plane(first), plane(second), size);
    }
  }
  return {
    ssim: ssim / (pairs * channels),
    absoluteError: absolute / first.length,
    rootMeanSquare: Math.sqrt(squared / first.length),
    pairs,
  };
}

function planeSimilarity(first: Float64Array, second: Float64Array, size: number): number {
  const product = (a: Float64Array, b: Float64Array) => a.map((value, index) => value * b[index]);
  const meanFirst = blur(first, size);
  const meanSecond = blur(second, size);
  const squareFirst = blur(product(first, first), size);
  const squareSecond = blur(product(second, second), size);
  const cross = blur(product(first, second), size);
  const total = meanFirst.reduce((sum, a, place) => {
    const b = meanSecond[place];
    const luminance = (2 * a * b + C1) / (a * a + b * b + C1);
    const structure =
      (2 * (cross[place] - a * b) + C2) / (squareFirst[place] - a * a + squareSecond[place] - b * b + C2);
    return sum + luminance * structure;
  }, 0);
  return total / meanFirst.length;
}

/** Weighted means under the window at every place where it lies inside: (size - 10, size - 10). */
function blur(plane: Float64Array, size: number): Float64Array {
  const inner = size - 2 * RADIUS;
  const rows = new Float64Array(size * inner);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < inner; x += 1) {
      rows[y * inner + x] = WINDOW.reduce((sum, weight, k) => sum + weight * plane[y * size + x + k], 0);
    }
  }
  return Float64Array.from({ length: inner * inner }, (_, place) =>
    WINDOW.reduce((sum, weight, k) => sum + weight * rows[place + k * inner], 0),
  );
}

function gaussianWindow(): Float64Array {
  const weights = Float64Array.from({ length: 2 * RADIUS + 1 }, (_, index) =>
    Math.exp(-((index - RADIUS) ** 2) / (2 * DEVIATION ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
