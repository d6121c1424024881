import * as tf from '@tensorflow/tfjs-core';
import type { DropoutMasks } from '../model/unet.js';
import { randomUniform, type RandomKey } from '../tensor/random.js';
import type { UpdateSettings } from './trainStep.js';

/**
 * Dropout masks of one micro-batch: 0 with probability `rate`, else `1 / (1 - rate)`. An image's mask depends on the seed, the
 * stream, the update, the site and the image's position in the whole batch alone, so neither a resume nor another micro-batch
 * size changes it.
 *
 * @param firstImage position of the micro-batch's first image in the whole batch
 */
export function dropoutMasks(
  rate: number,
  settings: Pick<UpdateSettings, 'update' | 'dropoutKey'>,
  firstImage: number,
): DropoutMasks {
  const scale = 1 / (1 - rate);
  return {
    mask(site, shape) {
      const [count, ...rest] = shape;
      const perImage = rest.reduce((product, length) => product * length, 1);
      const values = new Float32Array(count * perImage);
      for (let image = 0; image < count; image++) {
        const uniform = randomUniform(dropoutSite(settings, site, firstImage + image), perImage);
        for (let i = 0; i < perImage; i++) values[image * perImage + i] = uniform[i] < rate ? 0 : scale;
      }
      return tf.tensor(values, shape);
    },
  };
}

/** The random numbers of one image's mask at one site. */
export function dropoutSite(
  { update, dropoutKey: { seed, stream } }: Pick<UpdateSettings, 'update' | 'dropoutKey'>,
  site: number,
  image: number,
): RandomKey {
  return { seed, stream: `${stream}/${update}/${site}`, index: image };
}
