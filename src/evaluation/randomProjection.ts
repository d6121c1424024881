import { createHash } from 'node:crypto';
import { interrupted } from '../contract/errors.js';
import { randomNormal } from '../tensor/random.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { NO_RESIZE, type FeatureExtractor } from './featureExtractor.js';

const DIMENSIONS = 64;
const PROJECTION_SEED = 1;
const IMAGES_BETWEEN_YIELDS = 256;

/**
 * Features for data without labels: a fixed linear projection of the pixels onto 64 directions, entries drawn from
 * N(0, 1 / pixels). It needs no training and no engine. It sees means, contrasts and correlations of pixels, little of their
 * content, so its distances are a weak measure of quality and comparable with one another alone.
 */
export function randomProjection(image: { size: number; channels: number }): FeatureExtractor {
  const pixels = image.size * image.size * image.channels;
  const scale = 1 / Math.sqrt(pixels);
  const projection = randomNormal(
    { seed: PROJECTION_SEED, stream: 'evaluation/random-projection-v1', index: 0 },
    DIMENSIONS * pixels,
  ).map((value) => value * scale);
  return {
    id: 'random-projection-v1',
    label: 'FD (random projection)',
    dimensions: DIMENSIONS,
    hash: createHash('sha256')
      .update(Buffer.from(projection.buffer, projection.byteOffset, projection.byteLength))
      .digest('hex'),
    accuracy: null,
    resize: NO_RESIZE,
    size: image.size,
    channels: image.channels,
    async extract(images, count, signal) {
      const features = new Float64Array(count * DIMENSIONS);
      for (let row = 0; row < count; row += 1) {
        for (let axis = 0; axis < DIMENSIONS; axis += 1) {
          let sum = 0;
          for (let pixel = 0; pixel < pixels; pixel += 1) {
            sum += images[row * pixels + pixel]! * projection[axis * pixels + pixel]!;
          }
          features[row * DIMENSIONS + axis] = sum;
        }
        if (row % IMAGES_BETWEEN_YIELDS === IMAGES_BETWEEN_YIELDS - 1) {
          if (signal?.aborted) throw interrupted();
          await yieldToEventLoop();
        }
      }
      return features;
    },
  };
}
