import * as tf from '@tensorflow/tfjs-core';
import { biasAdd } from './biasAdd.js';
import { linear } from './linear.js';

export interface ConvolutionOptions {
  /** Pixels between two windows. Default 1. */
  readonly stride?: 1 | 2;
  /**
   * `same` (default) pads symmetrically, as PyTorch's `padding = kernel / 2` does. `bottom-right` puts one zero row and
   * column at the bottom and right alone: the down-sampling of the published DDPM network (diffusers' `downsample_padding=0`).
   */
  readonly padding?: 'same' | 'bottom-right';
}

/**
 * 2-D convolution (cross-correlation).
 *
 * @param x (N, H, W, in)
 * @param kernel (height, width, in, out), odd height and width
 * @param bias (out), or null for none
 * @returns (N, ⌈H/stride⌉, ⌈W/stride⌉, out)
 * @throws Error for `bottom-right` with anything but a 3x3 kernel, stride 2 and even H and W: no network has such a layer
 */
export function conv2d(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  bias: tf.Tensor1D | null,
  options: ConvolutionOptions = {},
): tf.Tensor4D {
  const { stride = 1, padding = 'same' } = options;
  if (kernel.shape[0] === 1 && kernel.shape[1] === 1 && stride === 1) return pointwise(x, kernel, bias);
  const product = padding === 'bottom-right' ? downsample(x, kernel, stride) : symmetric(x, kernel, stride);
  return bias === null ? product : biasAdd(product, bias);
}

/** Each pixel on its own: a product of matrices, whose gradients take half of a convolution's time. */
function pointwise(x: tf.Tensor4D, kernel: tf.Tensor4D, bias: tf.Tensor1D | null): tf.Tensor4D {
  const [count, height, width, channels] = x.shape;
  const pixels = tf.reshape(x, [count * height * width, channels]) as tf.Tensor2D;
  const weight = tf.reshape(kernel, [channels, kernel.shape[3]]) as tf.Tensor2D;
  return tf.reshape(linear(pixels, weight, bias), [count, height, width, kernel.shape[3]]);
}

/** TensorFlow's SAME pads the bottom and right only when stride 2 halves an even size, which is just what is wanted here. */
function downsample(x: tf.Tensor4D, kernel: tf.Tensor4D, stride: 1 | 2): tf.Tensor4D {
  const [, height, width] = x.shape;
  if (stride !== 2 || kernel.shape[0] !== 3 || kernel.shape[1] !== 3 || height % 2 !== 0 || width % 2 !== 0) {
    throw new Error(
      `bottom-right padding needs a 3x3 kernel, stride 2 and even sizes, not kernel ${kernel.shape.join('x')}, ` +
        `stride ${stride}, input ${x.shape.join('x')}`,
    );
  }
  return tf.conv2d(x, kernel, 2, 'same');
}

/** With stride 1, SAME is symmetric; with stride 2 it need not be, so the zeros are put there first. */
function symmetric(x: tf.Tensor4D, kernel: tf.Tensor4D, stride: 1 | 2): tf.Tensor4D {
  if (stride === 1) return tf.conv2d(x, kernel, 1, 'same');
  const rows = (kernel.shape[0] - 1) / 2;
  const columns = (kernel.shape[1] - 1) / 2;
  const padded = tf.pad(x, [
    [0, 0],
    [rows, rows],
    [columns, columns],
    [0, 0],
  ]);
  return tf.conv2d(padded, kernel, stride, 'valid');
}
