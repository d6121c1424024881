import * as tf from '@tensorflow/tfjs-core';

/**
 * Kernels that the WebAssembly backend lacks or has only as plain loops, composed from the fast ones it has. Registering
 * them twice changes nothing.
 *
 * A kernel's inner calls are not recorded for differentiation, and each kernel cleans up behind itself.
 */
export function registerWasmKernels(): void {
  if (tf.getKernel('Conv2DBackpropFilter', backendName) !== undefined) return;
  register('Conv2DBackpropFilter', convolutionKernelGradient);
  replace('Conv2DBackpropInput', () => convolutionInputGradient);
  replace('BatchMatMul', batchMatMul);
  replace('Sum', sum);
}

const backendName = 'wasm';

function register(kernelName: string, kernelFunc: tf.KernelFunc): void {
  tf.registerKernel({ kernelName, backendName, kernelFunc });
}

/** Puts a composed kernel before the backend's own, which it may call for the shapes that one is good at. */
function replace(kernelName: string, compose: (original: tf.KernelFunc) => tf.KernelFunc): void {
  const config = tf.getKernel(kernelName, backendName);
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...config, kernelFunc: compose(config.kernelFunc) });
}

interface ConvolutionAttributes {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function convolutionInfo(
  inputShape: number[],
  kernelShape: number[],
  attributes: tf.NamedAttrMap | undefined,
): tf.backend_util.Conv2DInfo {
  const { strides, pad, dimRoundingMode } = attributes as unknown as ConvolutionAttributes;
  return tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    kernelShape as [number, number, number, number],
    strides,
    1,
    pad,
    dimRoundingMode,
  );
}

/**
 * Gradient of a convolution with respect to its kernel, as a convolution with the roles exchanged: channels become images,
 * images become channels, the output's gradient is the kernel, and the stride is a dilation.
 */
const convolutionKernelGradient: tf.KernelFunc = ({ inputs, attrs }) => {
  const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D };
  const { filterShape } = attrs as unknown as { filterShape: [number, number, number, number] };
  const { padInfo, strideHeight, strideWidth } = convolutionInfo(x.shape, filterShape, attrs);
  const [height, width] = filterShape;
  return tf.tidy(() => {
    const padded: tf.Tensor4D = tf.pad(tf.transpose(x, [3, 1, 2, 0]), [
      [0, 0],
      [padInfo.top, padInfo.bottom],
      [padInfo.left, padInfo.right],
      [0, 0],
    ]);
    const weights: tf.Tensor4D = tf.transpose(dy, [1, 2, 0, 3]);
    const product = tf.conv2d(padded, weights, 1, 'valid', 'NHWC', [strideHeight, strideWidth]);
    // Input rows that the stride never reached give surplus positions behind the kernel's own.
    return tf.transpose(tf.slice(product, [0, 0, 0, 0], [-1, height, width, -1]), [1, 2, 0, 3]);
  });
};

/**
 * Gradient of a convolution with respect to its input: a convolution of the output's gradient, spread out by the stride, with
 * the kernel turned by 180 degrees and its channels exchanged.
 */
const convolutionInputGradient: tf.KernelFunc = ({ inputs, attrs }) => {
  const { dy, filter } = inputs as unknown as { dy: tf.Tensor4D; filter: tf.Tensor4D };
  const { inputShape } = attrs as unknown as { inputShape: [number, number, number, number] };
  const { padInfo, strideHeight, strideWidth } = convolutionInfo(inputShape, filter.shape, attrs);
  const [height, width] = filter.shape;
  return tf.tidy(() => {
    const spread = insertZeros(dy, strideHeight, strideWidth);
    const before = [height - 1 - padInfo.top, width - 1 - padInfo.left] as const;
    const after = [
      inputShape[1] + height - 1 - before[0] - spread.shape[1],
      inputShape[2] + width - 1 - before[1] - spread.shape[2],
    ] as const;
    const padded = tf.pad(spread, [
      [0, 0],
      [before[0], after[0]],
      [before[1], after[1]],
      [0, 0],
    ]);
    return tf.conv2d(padded, tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]), 1, 'valid');
  });
};

/** Puts `stride − 1` zeros between neighbouring pixels. (N, H, W, C) to (N, (H−1)·sh+1, (W−1)·sw+1, C). */
function insertZeros(x: tf.Tensor4D, strideHeight: number, strideWidth: number): tf.Tensor4D {
  if (strideHeight === 1 && strideWidth === 1) return x;
  const [images, height, width, channels] = x.shape;
  const apart = tf.pad(tf.reshape(x, [images, height, 1, width, 1, channels]), [
    [0, 0],
    [0, 0],
    [0, strideHeight - 1],
    [0, 0],
    [0, strideWidth - 1],
    [0, 0],
  ]);
  const grid: tf.Tensor4D = tf.reshape(apart, [images, height * strideHeight, width * strideWidth, channels]);
  return tf.slice(grid, [0, 0, 0, 0], [-1, (height - 1) * strideHeight + 1, (width - 1) * strideWidth + 1, -1]);
}

/**
 * The backend multiplies quickly only a single pair of matrices that need no transposing; everything else is brought to
 * that form: transposes are carried out, and a batch is done pair by pair.
 */
function batchMatMul(original: tf.KernelFunc): tf.KernelFunc {
  return (args) => {
    const { a, b } = args.inputs as unknown as { a: tf.Tensor; b: tf.Tensor };
    const { transposeA, transposeB } = args.attrs as unknown as { transposeA: boolean; transposeB: boolean };
    const batch = a.size / (matrixSize(a) || 1);
    const sameBatch = a.shape.slice(0, -2).join() === b.shape.slice(0, -2).join();
    if ((batch === 1 && !transposeA && !transposeB) || !sameBatch) return original(args);
    return tf.tidy(() => {
      const left = tf.unstack(asMatrices(a, batch, transposeA));
      const right = tf.unstack(asMatrices(b, batch, transposeB));
      const products = left.map((matrix, index) => tf.matMul(matrix, right[index] as tf.Tensor));
      const [first] = products as [tf.Tensor];
      return tf.reshape(tf.concat(products), [...a.shape.slice(0, -2), ...first.shape]);
    });
  };
}

function matrixSize(x: tf.Tensor): number {
  return (x.shape.at(-1) ?? 0) * (x.shape.at(-2) ?? 0);
}

function asMatrices(x: tf.Tensor, batch: number, transpose: boolean): tf.Tensor3D {
  const matrices: tf.Tensor3D = tf.reshape(x, [batch, x.shape.at(-2) ?? 0, x.shape.at(-1) ?? 0]);
  return transpose ? tf.transpose(matrices, [0, 2, 1]) : matrices;
}

/**
 * Sums over neighbouring axes other than the last, the column sums of a network's gradients, as one average pooling; the
 * backend's own kernel would transpose the whole tensor first.
 */
function sum(original: tf.KernelFunc): tf.KernelFunc {
  return (args) => {
    const { x } = args.inputs as unknown as { x: tf.Tensor };
    const { axis, keepDims } = args.attrs as unknown as { axis: number | number[]; keepDims: boolean };
    const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
    const [first = 0] = axes;
    const neighbours = axes.every((a, index) => a === first + index);
    const end = first + axes.length;
    const count = tf.util.sizeFromShape(x.shape.slice(first, end));
    const inner = tf.util.sizeFromShape(x.shape.slice(end));
    if (!neighbours || end >= x.shape.length || x.dtype !== 'float32' || count < 2 || x.size === 0)
      return original(args);
    return tf.tidy(() => {
      const columns: tf.Tensor4D = tf.reshape(x, [x.size / (count * inner), count, 1, inner]);
      const total = tf.mul(tf.avgPool(columns, [count, 1], 1, 'valid'), count);
      const reduced = keepDims ? axes.map(() => 1) : [];
      return tf.reshape(total, [...x.shape.slice(0, first), ...reduced, ...x.shape.slice(end)]);
    });
  };
}
