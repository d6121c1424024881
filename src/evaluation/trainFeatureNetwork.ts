import * as tf from '@tensorflow/tfjs-core';
import { failure, inputError, interrupted } from '../contract/errors.js';
import { normalisedImages } from '../data/batchImages.js';
import type { Dataset } from '../data/dataset.js';
import { splitDataset } from '../data/split.js';
import { randomIntegers } from '../tensor/random.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import {
  classScores,
  createFeatureNetwork,
  featureActivations,
  initialFeatureWeights,
  type FeatureNetwork,
} from './featureNetwork.js';

export interface FeatureTrainingOptions {
  /** Labelled images; the last tenth (at most 2,000) is held out for the accuracy. */
  readonly dataset: Dataset;
  /** One seed for all projects (the default) keeps values of the same data comparable between them. */
  readonly seed?: number;
  readonly updates?: number;
  readonly onProgress?: ((update: number, updates: number, loss: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_UPDATES = 1000;
const BATCH = 128;
const LEARNING_RATE = 2e-3;
const HELD_OUT_LIMIT = 2000;
const IMAGES_FOR_SCALE = 2048;
/** Reading the loss back waits for the engine, so it is done now and then only. */
const UPDATES_BETWEEN_REPORTS = 20;

/**
 * Trains the feature network on a labelled data set with cross-entropy and Adam, for a fixed number of updates. On one engine
 * with one number of threads the result is a function of data and seed. Throws `DATA_UNLABELLED` without labels of at least two classes.
 */
export async function trainFeatureNetwork(options: FeatureTrainingOptions): Promise<FeatureNetwork> {
  const { dataset, seed = 0, updates = DEFAULT_UPDATES, onProgress, signal } = options;
  if (dataset.labels === null || dataset.classes.length < 2) {
    throw inputError(
      'DATA_UNLABELLED',
      `the data set "${dataset.source}" has no labels of two classes or more to train a feature network on`,
      'use the random-projection features for unlabelled images',
    );
  }
  const { train, heldOut } = splitDataset(dataset, Math.min(HELD_OUT_LIMIT, Math.floor(dataset.count / 10)));
  const classes = dataset.classes.length;
  const initial = initialFeatureWeights(dataset.channels, classes, seed);
  const variables = new Map(
    [...initial].map(([name, { shape, data }]) => [name, tf.tidy(() => tf.variable(tf.tensor(data, [...shape])))]),
  );
  const optimizer = tf.train.adam(LEARNING_RATE);
  try {
    for (let update = 0; update < updates; update += 1) {
      if (signal?.aborted) throw interrupted();
      const indices = randomIntegers({ seed, stream: 'feature-network/images', index: update }, BATCH, 0, train.count);
      const reports = update % UPDATES_BETWEEN_REPORTS === 0 || update === updates - 1;
      const loss = updateOnce(optimizer, variables, train, indices, reports);
      if (loss !== null) onProgress?.(update + 1, updates, loss);
      await yieldToEventLoop();
    }
    const accuracy = await measureAccuracy(variables, heldOut, signal);
    const weights = new Map(
      await Promise.all(
        [...variables].map(async ([name, variable]) => {
          return [name, { shape: variable.shape, data: Float32Array.from(await variable.data()) }] as const;
        }),
      ),
    );
    const identity = {
      source: dataset.source,
      size: dataset.size,
      channels: dataset.channels,
      classes,
      data: dataset.hash,
      seed,
      updates,
      accuracy,
    };
    const unscaled = createFeatureNetwork({ ...identity, scale: 1 }, weights);
    return createFeatureNetwork({ ...identity, scale: await scaleToUnit(unscaled, train, signal) }, weights);
  } finally {
    optimizer.dispose();
    for (const variable of variables.values()) variable.dispose();
  }
}

/** One Adam update; the mean cross-entropy of the batch when it was asked for. */
function updateOnce(
  optimizer: tf.Optimizer,
  variables: Map<string, tf.Variable>,
  dataset: Dataset,
  indices: Int32Array,
  wantsLoss: boolean,
): number | null {
  const loss = tf.tidy(() => {
    const images = imageTensor(dataset, indices);
    const targets = oneHotLabels(dataset, indices);
    const crossEntropy = (): tf.Scalar => {
      const scores = classScores(variables, featureActivations(variables, images));
      return tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(scores)), 1)));
    };
    const value = optimizer.minimize(crossEntropy, wantsLoss, [...variables.values()]);
    return value === null ? [] : [...value.dataSync()];
  })[0];
  if (loss === undefined) return null;
  if (!Number.isFinite(loss)) {
    throw failure(
      'NOT_FINITE',
      'the loss of the feature network is not finite',
      'check the data set for damaged images',
    );
  }
  return loss;
}

async function measureAccuracy(
  variables: ReadonlyMap<string, tf.Tensor>,
  heldOut: Dataset,
  signal: AbortSignal | undefined,
): Promise<number> {
  const classes = heldOut.classes.length;
  let correct = 0;
  for (let start = 0; start < heldOut.count; start += BATCH) {
    if (signal?.aborted) throw interrupted();
    const indices = Int32Array.from({ length: Math.min(BATCH, heldOut.count - start) }, (_, offset) => start + offset);
    const scores = tf.tidy(() =>
      classScores(variables, featureActivations(variables, imageTensor(heldOut, indices))).dataSync(),
    );
    indices.forEach((image, row) => {
      const ofImage = scores.subarray(row * classes, (row + 1) * classes);
      if (ofImage.indexOf(Math.max(...ofImage)) === heldOut.labels![image]) correct += 1;
    });
    await yieldToEventLoop();
  }
  return correct / Math.max(heldOut.count, 1);
}

/** The factor that brings the mean square of the features over the first training images to 1. */
async function scaleToUnit(network: FeatureNetwork, train: Dataset, signal: AbortSignal | undefined): Promise<number> {
  const indices = Int32Array.from({ length: Math.min(IMAGES_FOR_SCALE, train.count) }, (_, index) => index);
  const features = await network.extract(normalisedImages(train, indices, null), indices.length, signal);
  return 1 / Math.sqrt(features.reduce((sum, value) => sum + value * value, 0) / features.length);
}

function imageTensor(dataset: Dataset, indices: Int32Array): tf.Tensor4D {
  return tf.tensor4d(normalisedImages(dataset, indices, null), [
    indices.length,
    dataset.size,
    dataset.size,
    dataset.channels,
  ]);
}

function oneHotLabels(dataset: Dataset, indices: Int32Array): tf.Tensor2D {
  const classes = dataset.classes.length;
  const values = new Float32Array(indices.length * classes);
  indices.forEach((image, row) => (values[row * classes + dataset.labels![image]!] = 1));
  return tf.tensor2d(values, [indices.length, classes]);
}
