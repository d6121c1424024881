import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { inputError, interrupted } from '../contract/errors.js';
import { readInputFile } from '../formats/inputFile.js';
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.js';
import type { Weights } from '../model/weights.js';
import { writeFileAtomic } from '../project/atomicFile.js';
import { conv2d } from '../tensor/convolution.js';
import { linear } from '../tensor/linear.js';
import { randomNormal } from '../tensor/random.js';
import { silu } from '../tensor/silu.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { NO_RESIZE, type FeatureExtractor } from './featureExtractor.js';
import { safeParse } from '../contract/safeParse.js';

/**
 * The project's own feature network: a small classifier of the labelled data set, whose pooled activations are the features.
 * Three 3x3 convolutions of stride 2 with SiLU, global average pooling (64 features), and a linear layer to the classes. No
 * normalisation, so that brightness and contrast stay visible in the features.
 */
const CONVOLUTION_WIDTHS = [32, 64, 64] as const;
const FEATURE_DIMENSIONS = CONVOLUTION_WIDTHS[CONVOLUTION_WIDTHS.length - 1]!;
/** Fixed, so that batching never depends on the caller. */
const IMAGES_PER_BATCH = 256;
const RECIPE_VERSION = 'v1';

/** What the classifier was trained on and how well it does; kept in its file. */
export interface FeatureNetworkIdentity {
  /** Source of the data set, as in the config. */
  readonly source: string;
  readonly size: number;
  readonly channels: number;
  readonly classes: number;
  /** SHA-256 of the data set. */
  readonly data: string;
  readonly seed: number;
  readonly updates: number;
  /** Share of held-out images classified correctly, 0..1. */
  readonly accuracy: number;
  /** Features are multiplied by this: it gives them a mean square of 1 over the training images, so that distances have one scale. */
  readonly scale: number;
}

export interface FeatureNetwork extends FeatureExtractor {
  readonly accuracy: number;
  readonly identity: FeatureNetworkIdentity;
  /** Kernels as (height, width, in, out), the linear layer as (in, out). */
  readonly weights: Weights;
}

const metadataSchema = z.object({
  source: z.string().min(1),
  size: z.coerce.number().int().min(8),
  channels: z.coerce.number().int().min(1),
  classes: z.coerce.number().int().min(2),
  data: z.string().min(1),
  seed: z.coerce.number().int(),
  updates: z.coerce.number().int().min(1),
  accuracy: z.coerce.number().min(0).max(1),
  scale: z.coerce.number().positive(),
});

/** Names and shapes of the weights, in the order of computation. */
function tensorShapes(channels: number, classes: number): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  let input = channels;
  CONVOLUTION_WIDTHS.forEach((width, index) => {
    shapes.set(`conv${index}.weight`, [3, 3, input, width]);
    shapes.set(`conv${index}.bias`, [width]);
    input = width;
  });
  shapes.set('linear.weight', [input, classes]);
  shapes.set('linear.bias', [classes]);
  return shapes;
}

/** He initialisation (arXiv 1502.01852): normal with variance 2 / fan-in; biases zero. A pure function of the seed. */
export function initialFeatureWeights(channels: number, classes: number, seed: number): Weights {
  return new Map(
    [...tensorShapes(channels, classes)].map(([name, shape], index) => {
      const count = shape.reduce((product, length) => product * length, 1);
      if (name.endsWith('.bias')) return [name, { shape, data: new Float32Array(count) }];
      const scale = Math.sqrt(2 / (count / shape[shape.length - 1]!));
      const data = randomNormal({ seed, stream: 'feature-network/initialise', index }, count);
      return [name, { shape, data: data.map((value) => value * scale) }];
    }),
  );
}

/** Features (N, 64), not yet scaled, of images (N, size, size, channels). */
export function featureActivations(weights: ReadonlyMap<string, tf.Tensor>, images: tf.Tensor4D): tf.Tensor2D {
  let activations = images;
  for (const index of CONVOLUTION_WIDTHS.keys()) {
    const kernel = weights.get(`conv${index}.weight`) as tf.Tensor4D;
    const bias = weights.get(`conv${index}.bias`) as tf.Tensor1D;
    activations = silu(conv2d(activations, kernel, bias, { stride: 2, padding: 'bottom-right' }));
  }
  return tf.mean(activations, [1, 2]) as tf.Tensor2D;
}

/** Class scores (N, classes) of features (N, 64). */
export function classScores(weights: ReadonlyMap<string, tf.Tensor>, features: tf.Tensor2D): tf.Tensor2D {
  return linear(features, weights.get('linear.weight') as tf.Tensor2D, weights.get('linear.bias') as tf.Tensor1D);
}

/** A trained network as an extractor. Weights are put on the engine for the length of each call. */
export function createFeatureNetwork(identity: FeatureNetworkIdentity, weights: Weights): FeatureNetwork {
  const { source, size, channels, scale } = identity;
  const imageLength = size * size * channels;
  return {
    id: `${source}-${size}-${RECIPE_VERSION}`,
    label: `FD (${source === 'fashion-mnist' ? 'fashion' : source} features)`,
    dimensions: FEATURE_DIMENSIONS,
    hash: createHash('sha256').update(encodeFeatureNetwork(identity, weights)).digest('hex'),
    accuracy: identity.accuracy,
    resize: NO_RESIZE,
    size,
    channels,
    identity,
    weights,
    async extract(images, count, signal) {
      const features = new Float64Array(count * FEATURE_DIMENSIONS);
      for (let start = 0; start < count; start += IMAGES_PER_BATCH) {
        if (signal?.aborted) throw interrupted();
        const batch = Math.min(IMAGES_PER_BATCH, count - start);
        const pixels = images.subarray(start * imageLength, (start + batch) * imageLength);
        const values = tf.tidy(() =>
          tf.mul(featureActivations(onEngine(weights), tf.tensor4d(pixels, [batch, size, size, channels])), scale),
        );
        try {
          features.set(await values.data(), start * FEATURE_DIMENSIONS);
        } finally {
          values.dispose();
        }
        await yieldToEventLoop();
      }
      return features;
    },
  };
}

/** Writes the network as one safetensors file, atomically. */
export async function writeFeatureNetwork(path: string, network: FeatureNetwork): Promise<void> {
  await writeFileAtomic(path, encodeFeatureNetwork(network.identity, network.weights));
}

/** Reads what `writeFeatureNetwork` wrote; the features are the same to the last bit. Throws `FEATURE_NETWORK_INVALID`. */
export async function readFeatureNetwork(path: string): Promise<FeatureNetwork> {
  const file = decodeSafetensors(await readInputFile(path), path);
  const metadata = safeParse(metadataSchema, file.metadata);
  if (!metadata.success) throw invalidNetwork(path, 'its metadata do not describe one');
  const weights = new Map(
    [...tensorShapes(metadata.data.channels, metadata.data.classes)].map(([name, shape]) => {
      const tensor = file.tensors.get(name);
      if (!(tensor?.data instanceof Float32Array) || tensor.shape.join() !== shape.join()) {
        throw invalidNetwork(path, `tensor "${name}" is missing or is not float32 of shape ${shape.join(' x ')}`);
      }
      return [name, { shape, data: tensor.data }] as const;
    }),
  );
  return createFeatureNetwork(metadata.data, weights);
}

/** Weights as tensors of the open engine, to be disposed of by the surrounding `tf.tidy`. */
function onEngine(weights: Weights): Map<string, tf.Tensor> {
  return new Map([...weights].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape], 'float32')]));
}

function encodeFeatureNetwork(identity: FeatureNetworkIdentity, weights: Weights): Uint8Array {
  const metadata = Object.fromEntries(Object.entries(identity).map(([key, value]) => [key, String(value)]));
  return encodeSafetensors(weights, metadata);
}

function invalidNetwork(path: string, why: string): Error {
  return inputError(
    'FEATURE_NETWORK_INVALID',
    `${path} is not a feature network: ${why}`,
    'delete the file; it is trained again when it is needed',
  );
}
