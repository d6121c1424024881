import type { Dataset } from './dataset.js';

/** The value a network sees for each byte: byte / 127.5 - 1, in float32. */
const NORMALISED = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1);

/**
 * Images as a network sees them.
 *
 * @param indices (N) which images, in this order
 * @param flips (N) 1 mirrors the image left to right, 0 does not; null mirrors none
 * @returns (N, size, size, channels) in [-1, 1]
 */
export function normalisedImages(dataset: Dataset, indices: Int32Array, flips: Uint8Array | null): Float32Array {
  const { size, channels, pixels, count } = dataset;
  const imageBytes = size * size * channels;
  const rowBytes = size * channels;
  const images = new Float32Array(indices.length * imageBytes);
  indices.forEach((index, i) => {
    if (index < 0 || index >= count) throw new RangeError(`image ${index} of ${count} does not exist`);
    const from = index * imageBytes;
    const to = i * imageBytes;
    if (!flips?.[i]) {
      for (let offset = 0; offset < imageBytes; offset++) images[to + offset] = NORMALISED[pixels[from + offset]];
      return;
    }
    for (let row = 0; row < imageBytes; row += rowBytes) {
      for (let x = 0; x < size; x++) {
        const mirrored = from + row + (size - 1 - x) * channels;
        for (let channel = 0; channel < channels; channel++) {
          images[to + row + x * channels + channel] = NORMALISED[pixels[mirrored + channel]];
        }
      }
    }
  });
  return images;
}
