import { inputError } from '../contract/errors.js';
import type { Dataset } from './dataset.js';
import { makeDataset } from './makeDataset.js';

/** Images [from, to) of a data set. Pixels and labels are views, not copies. */
function slice(dataset: Dataset, from: number, to: number): Dataset {
  const imageBytes = dataset.size * dataset.size * dataset.channels;
  return makeDataset({
    ...dataset,
    count: to - from,
    pixels: dataset.pixels.subarray(from * imageBytes, to * imageBytes),
    labels: dataset.labels?.subarray(from, to) ?? null,
  });
}

/**
 * Takes the last `heldOut` images out of training. The same data always splits the same way, whatever the seed.
 *
 * @throws input error DATA_TOO_FEW when nothing would be left to train on
 */
export function splitDataset(dataset: Dataset, heldOut: number): { train: Dataset; heldOut: Dataset } {
  const border = dataset.count - heldOut;
  if (border < 1) {
    throw inputError(
      'DATA_TOO_FEW',
      `images in the data: ${dataset.count}, of which ${heldOut} are to be held out, so none is left to train on`,
      'use more images or hold out fewer',
    );
  }
  return { train: slice(dataset, 0, border), heldOut: slice(dataset, border, dataset.count) };
}
