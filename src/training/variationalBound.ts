import * as tf from '@tensorflow/tfjs-core';

/** Half the distance between two of the 256 levels of a pixel in [-1, 1]. */
const HALF_LEVEL = 1 / 255;
/** Images beyond these are at the ends of the range, whose bins are open to one side. */
const END_OF_RANGE = 0.999;
/** Least probability of a bin, so that its logarithm is finite. */
const LEAST_PROBABILITY = 1e-12;

/**
 * Each image's term of the variational bound, in bits per pixel and channel, times its weight in the loss (improved DDPM,
 * arXiv 2102.09672, section 3.1). It trains the variance alone: no gradient reaches the predicted mean, nor through it the first
 * half of the output.
 *
 * At t > 0 the term is the divergence of the step that the network would take from q(x_{t-1} | x_t, x_0); at t = 0 it is the
 * negative log-likelihood of the 8-bit image (DDPM, arXiv 2006.11239, eq. 13).
 *
 * @param output (N, H, W, 2 C): prediction, then the position of the log variance between its bounds, -1 to 1
 * @param batch `xt` and `target`, (N, H, W, C)
 * @param terms (N, 7) of `boundTerms`
 * @returns (N)
 */
export function variationalBound(
  output: tf.Tensor4D,
  { xt, target }: { readonly xt: tf.Tensor4D; readonly target: tf.Tensor4D },
  terms: tf.Tensor2D,
): tf.Tensor1D {
  const channels = target.shape[3];
  const [imageOfXt, imageOfPrediction, meanOfPrediction, logPosterior, logBeta, first, weight] = columns(terms);
  const prediction = withoutGradient(tf.slice(output, [0, 0, 0, 0], target.shape));
  const position = tf.slice(output, [0, 0, 0, channels], target.shape);
  const fraction = tf.mul(tf.add(position, 1), 0.5);
  const logVariance = tf.add(logPosterior, tf.mul(fraction, tf.sub(logBeta, logPosterior)));

  // How far the true mean lies above the predicted one; both have the same part of x_t, which cancels.
  const meanError = tf.mul(meanOfPrediction, tf.sub(target, prediction));
  const image = tf.add(tf.mul(imageOfXt, xt), tf.mul(imageOfPrediction, target));
  const divergence = gaussianDivergence(meanError, logPosterior, logVariance);
  const likelihood = pixelLikelihood(image, meanError, logVariance);
  const nats = tf.sub(tf.mul(tf.sub(1, first), divergence), tf.mul(first, likelihood));
  const perImage = tf.mean(tf.mean(nats, [2, 3]), 1);
  return tf.mul(perImage, tf.mul(tf.reshape(weight, [-1]), 1 / Math.LN2));
}

/** The columns of (N, K), each (N, 1, 1, 1). */
function columns(terms: tf.Tensor2D): tf.Tensor4D[] {
  return tf.split(terms, terms.shape[1], 1).map((column) => tf.reshape(column, [-1, 1, 1, 1]));
}

/** Divergence of N(0, exp(logModel)) from N(meanError, exp(logTrue)), nats. */
function gaussianDivergence(meanError: tf.Tensor, logTrue: tf.Tensor, logModel: tf.Tensor): tf.Tensor {
  const difference = tf.sub(logTrue, logModel);
  const scaledError = tf.mul(tf.square(meanError), tf.exp(tf.neg(logModel)));
  return tf.mul(0.5, tf.add(tf.sub(tf.exp(difference), tf.add(difference, 1)), scaledError));
}

/**
 * Log-probability that a Gaussian gives to the 8-bit level of a pixel: its mass between half a level below and above, and all
 * mass beyond at the ends of the range.
 *
 * @param image pixels in [-1, 1]
 * @param distance pixel minus mean
 */
function pixelLikelihood(image: tf.Tensor, distance: tf.Tensor, logVariance: tf.Tensor): tf.Tensor {
  const inverseDeviation = tf.exp(tf.mul(logVariance, -0.5));
  const above = normalDistribution(tf.mul(inverseDeviation, tf.add(distance, HALF_LEVEL)));
  const below = normalDistribution(tf.mul(inverseDeviation, tf.sub(distance, HALF_LEVEL)));
  const black = tf.cast(tf.less(image, -END_OF_RANGE), 'float32');
  const white = tf.cast(tf.greater(image, END_OF_RANGE), 'float32');
  const upper = tf.add(above, tf.mul(white, tf.sub(1, above)));
  const lower = tf.mul(below, tf.sub(1, black));
  return tf.log(tf.maximum(tf.sub(upper, lower), LEAST_PROBABILITY));
}

/** Distribution function of the standard normal, by the approximation of the reference code (Page 1977), within 2e-4. */
function normalDistribution(x: tf.Tensor): tf.Tensor {
  const cubic = tf.add(x, tf.mul(0.044715, tf.mul(tf.square(x), x)));
  return tf.mul(0.5, tf.add(1, tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), cubic))));
}

/** The tensor itself, which gradients do not pass. */
function withoutGradient(x: tf.Tensor4D): tf.Tensor4D {
  return tf.customGrad((value) => ({
    value: tf.clone(value as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
  }))(x) as tf.Tensor4D;
}
