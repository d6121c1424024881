/** Conversions between the three ways a pixel travels: bytes, floats in [-1, 1], and one or three channels. */

/** Floats in [-1, 1] to bytes: -1 is 0, 1 is 255, rounded to nearest; outside values are clipped, NaN becomes 0. */
export function bytesFromImages(images: Float32Array): Uint8Array {
  const bytes = new Uint8ClampedArray(images.length);
  for (let i = 0; i < images.length; i++) bytes[i] = (images[i] + 1) * 127.5;
  return new Uint8Array(bytes.buffer);
}

/** Luma of ITU-R BT.601, the weights behind Pillow's "L" mode. Arguments and result share one scale. */
export function luma(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/**
 * Interleaved byte pixels with another number of channels. Grey to RGB repeats the value three times; RGB to grey is the
 * rounded BT.601 luma. The same number of channels returns the argument itself.
 */
export function convertChannels(pixels: Uint8Array, from: 1 | 3, to: 1 | 3): Uint8Array {
  if (from === to) return pixels;
  const count = pixels.length / from;
  const converted = new Uint8Array(count * to);
  if (to === 3) {
    for (let i = 0; i < count; i++) converted.fill(pixels[i], 3 * i, 3 * i + 3);
  } else {
    for (let i = 0; i < count; i++) {
      converted[i] = Math.round(luma(pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]));
    }
  }
  return converted;
}

/** The inverse of `bytesFromImages` up to rounding: bytes to values in [-1, 1], as networks see them. */
export function imagesFromBytes(bytes: Uint8Array): Float32Array {
  return Float32Array.from(bytes, (byte) => byte / 127.5 - 1);
}
