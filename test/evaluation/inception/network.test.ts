import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { convolutionShapes, FEATURE_DIMENSIONS } from '../../../src/evaluation/inception/architecture.js';
import { foldInceptionWeights } from '../../../src/evaluation/inception/foldWeights.js';
import { classProbabilities, inceptionFeatures, inceptionTensors } from '../../../src/evaluation/inception/network.js';
import { openEngine } from '../../../src/tensor/openEngine.js';
import { availableEngines } from '../../training/availableEngines.js';
import { hashes, madeUpTensors } from './madeUpWeights.js';

const golden = JSON.parse(readFileSync(new URL('../../golden/inception.json', import.meta.url), 'utf8')) as {
  shapes: Record<string, number[]>;
  features: Record<string, number[][]>;
  probabilities: number[][];
};
const engines = await availableEngines();
const weights = foldInceptionWeights(madeUpTensors(golden.shapes), 'made up');

/** The largest difference as a share of the largest value. */
function relativeError(actual: ArrayLike<number>, expected: number[]): number {
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, index) => Math.abs(actual[index] - value))) / largest;
}

describe('the Inception network of FID', () => {
  it('has the weights of the published network', () => {
    // torchvision's inception_v3 has 27,161,264 parameters, 3,326,696 of them in the auxiliary head that this one lacks; the
    // class head here has 1008 outputs in place of 1000.
    const shapes = [...convolutionShapes().values()];
    expect(shapes).toHaveLength(94);
    const convolutions = shapes.reduce((sum, [h, w, i, o]) => sum + h * w * i * o + 2 * o, 0);
    expect(convolutions + 2049 * 1000).toBe(27_161_264 - 3_326_696);
  });

  it.each(engines)('agrees with PyTorch at every feature layer on the %s engine', async (engine) => {
    await openEngine(engine);
    const pixels = Float32Array.from(hashes('images', 2 * 40 * 48 * 3), (hash) => (hash >>> 24) / 127.5 - 1);
    const tensors = inceptionTensors(weights);
    const images = tf.tensor4d(pixels, [2, 40, 48, 3]);
    const before = tf.memory().numTensors;
    for (const dimensions of FEATURE_DIMENSIONS) {
      const features = inceptionFeatures(tensors, images, dimensions);
      const expected = golden.features[dimensions];
      expect(features.shape).toEqual([2, dimensions]);
      expect(relativeError(features.dataSync(), expected.flat()), `${dimensions} dimensions`).toBeLessThan(1e-5);
      if (dimensions === 2048) {
        const probabilities = classProbabilities(tensors, features);
        expect(relativeError(probabilities.dataSync(), golden.probabilities.flat())).toBeLessThan(1e-4);
        probabilities.dispose();
      }
      features.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([images, ...tensors.values()]);
  });
});
