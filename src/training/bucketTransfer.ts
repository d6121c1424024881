import * as tf from '@tensorflow/tfjs-core';
import { fromRuntime, runtimeShape, toRuntime } from '../model/runtimeWeights.js';
import type { Weights } from '../model/weights.js';
import { bucketLayout, packBuckets, unpackBuckets, type BucketLayout } from './parameterBuckets.js';

/** The buckets of a network's weights, moments and moving averages. */
export function weightBuckets(weights: Weights): BucketLayout {
  return bucketLayout(
    new Map(
      Array.from(weights, ([name, { shape, data }]) => [name, { shape: runtimeShape(shape), size: data.length }]),
    ),
  );
}

/** Copies weights into the engine's memory, packed. The caller disposes the vectors. */
export function uploadBuckets(layout: BucketLayout, weights: Weights): tf.Tensor1D[] {
  const tensors = toRuntime(weights);
  try {
    return packBuckets(layout, tensors);
  } finally {
    tf.dispose([...tensors.values()]);
  }
}

/** Copies packed weights to host memory. The vectors stay. */
export function downloadBuckets(layout: BucketLayout, flat: readonly tf.Tensor1D[]): Weights {
  const tensors = tf.tidy(() => Object.fromEntries(unpackBuckets(layout, flat)));
  try {
    return fromRuntime(new Map(Object.entries(tensors)));
  } finally {
    tf.dispose(tensors);
  }
}
