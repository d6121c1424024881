import * as tf from '@tensorflow/tfjs-core';
import type { Weights } from '../../model/weights.js';
import {
  FEATURE_DIMENSIONS,
  INPUT_SIZE,
  PARTS,
  type Block,
  type Branch,
  type Convolution,
  type InceptionDimensions,
  type Layer,
  type PoolKind,
} from './architecture.js';

/** Weights on the engine: `NAME.kernel` (height, width, in, out) and `NAME.bias` with the batch normalisation folded in. */
export type InceptionTensors = ReadonlyMap<string, tf.Tensor>;

/** Puts folded weights on the engine; to be disposed of by the surrounding `tf.tidy` or by the caller. */
export function inceptionTensors(weights: Weights): Map<string, tf.Tensor> {
  return new Map([...weights].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape], 'float32')]));
}

/**
 * Features (N, dimensions) of images (N, H, W, 3) in [-1, 1], as pytorch-fid computes them: bilinear resize to 299 x 299 with
 * half-pixel centres and no antialiasing, then the mean over the pixels after the layer of that width. (pytorch-fid resizes
 * values in [0, 1] and stretches them to [-1, 1] afterwards; resizing is linear, so the order is free.)
 */
export function inceptionFeatures(
  tensors: InceptionTensors,
  images: tf.Tensor4D,
  dimensions: InceptionDimensions,
): tf.Tensor2D {
  return tf.tidy(() => {
    let x: tf.Tensor4D = tf.image.resizeBilinear(images, [INPUT_SIZE, INPUT_SIZE], false, true);
    for (const part of PARTS.slice(0, FEATURE_DIMENSIONS.indexOf(dimensions) + 1)) {
      for (const layer of part) {
        const input: tf.Tensor4D = x;
        x = tf.tidy(() => applyLayer(tensors, layer, input));
        input.dispose();
      }
    }
    return tf.mean<tf.Tensor2D>(x, [1, 2]);
  });
}

/** Class probabilities (N, 1008) of 2048-dimensional features, from the class head with its bias. */
export function classProbabilities(tensors: InceptionTensors, features: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const scores = tf.add(tf.matMul(features, tensors.get('fc.kernel') as tf.Tensor2D), tensors.get('fc.bias')!);
    return tf.softmax(scores as tf.Tensor2D);
  });
}

function applyLayer(tensors: InceptionTensors, layer: Layer, x: tf.Tensor4D): tf.Tensor4D {
  if ('convolution' in layer) return convolve(tensors, '', layer.convolution, x);
  return 'pool' in layer ? applyPool(layer.pool, x) : applyBlock(tensors, layer.block, x);
}

function applyBlock(tensors: InceptionTensors, block: Block, x: tf.Tensor4D): tf.Tensor4D {
  return tf.concat(
    block.branches.flatMap((branch) => applyBranch(tensors, `${block.name}.`, branch, x)),
    3,
  );
}

function applyBranch(tensors: InceptionTensors, prefix: string, branch: Branch, x: tf.Tensor4D): tf.Tensor4D[] {
  const pooled = branch.pool === undefined ? x : applyPool(branch.pool, x);
  const end = branch.chain.reduce((input, convolution) => convolve(tensors, prefix, convolution, input), pooled);
  return branch.fork === undefined
    ? [end]
    : branch.fork.map((convolution) => convolve(tensors, prefix, convolution, end));
}

function convolve(tensors: InceptionTensors, prefix: string, layer: Convolution, x: tf.Tensor4D): tf.Tensor4D {
  const name = `${prefix}${layer.name}`;
  return tf.fused.conv2d({
    x,
    filter: tensors.get(`${name}.kernel`) as tf.Tensor4D,
    strides: layer.stride ?? 1,
    pad: layer.stride === 2 || layer.valid === true ? 'valid' : 'same',
    bias: tensors.get(`${name}.bias`)!,
    activation: 'relu',
  });
}

/** TensorFlow's averages over SAME windows count the pixels that are there, not the padding. */
function applyPool(kind: PoolKind, x: tf.Tensor4D): tf.Tensor4D {
  if (kind === 'average') return tf.avgPool(x, 3, 1, 'same');
  return kind === 'maximum' ? tf.maxPool(x, 3, 1, 'same') : tf.maxPool(x, 3, 2, 'valid');
}
