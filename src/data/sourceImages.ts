import { inputError, interrupted } from '../contract/errors.js';
import { convertChannels } from '../formats/pixels.js';
import { yieldToEventLoop } from '../tensor/yield.js';

/** Images as a source holds them, before they are brought to the size and channels of an experiment. */
export interface SourceImages {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** (count, height, width, channels) bytes. */
  readonly pixels: Uint8Array;
  /** (count) class labels, or null. */
  readonly labels: Uint8Array | null;
  readonly classes: readonly string[];
}

/** How far a slow part of loading has come; `total` is null while it is not known. */
type LoadProgress = (progress: {
  readonly unit: 'image' | 'byte';
  readonly done: number;
  readonly total: number | null;
}) => void;

export interface LoadOptions {
  readonly onProgress?: LoadProgress;
  readonly signal?: AbortSignal;
  /** Only what is on this machine: nothing is downloaded. */
  readonly offline?: boolean;
}

/** Bytes that one data set may take in memory. */
const MAX_BYTES = 2 ** 32 - 1;
const RESIZED_AT_ONCE = 32;
/** MNIST and its kin have 28 pixels a side; networks that halve the resolution take them padded to 32, as is usual. */
const MNIST_SIZE = 28;
const PADDED_SIZE = 32;

/** @throws input error DATA_TOO_LARGE before anything of that size is allocated */
export function checkFits(count: number, size: number, channels: number): void {
  const bytes = count * size * size * channels;
  if (bytes <= MAX_BYTES) return;
  throw inputError(
    'DATA_TOO_LARGE',
    `${count} images of ${size} x ${size} x ${channels} take ${(bytes / 2 ** 30).toFixed(1)} GiB`,
    'set data.count or data.size lower',
  );
}

/** Square images, a margin of zeros added on all sides. */
function padded(pixels: Uint8Array, count: number, size: number, to: number, channels: number): Uint8Array {
  const margin = (to - size) / 2;
  const result = new Uint8Array(count * to * to * channels);
  const rowBytes = size * channels;
  for (let row = 0; row < count * size; row++) {
    const image = Math.floor(row / size);
    const place = (image * to + margin + (row % size)) * to + margin;
    result.set(pixels.subarray(row * rowBytes, (row + 1) * rowBytes), place * channels);
  }
  return result;
}

/** Square images made smaller by a whole factor: each pixel is the rounded mean of a block of factor x factor pixels. */
function areaAverage(pixels: Uint8Array, count: number, size: number, to: number, channels: number): Uint8Array {
  const factor = size / to;
  const result = new Uint8Array(count * to * to * channels);
  for (let row = 0; row < count * to; row++) {
    for (let column = 0; column < to; column++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let y = 0; y < factor; y++) {
          const start = ((row * factor + y) * size + column * factor) * channels + channel;
          for (let x = 0; x < factor; x++) sum += pixels[start + x * channels];
        }
        result[(row * to + column) * channels + channel] = Math.round(sum / (factor * factor));
      }
    }
  }
  return result;
}

/** Any images to squares of side `to`: centre-cropped, then resized with Lanczos. */
async function resized(images: SourceImages, to: number, { onProgress, signal }: LoadOptions): Promise<Uint8Array> {
  const { count, width, height, channels, pixels } = images;
  const inputBytes = width * height * channels;
  const outputBytes = to * to * channels;
  const result = new Uint8Array(count * outputBytes);
  // Loaded where it is needed: a training on images of its own size starts sooner.
  const { default: sharp } = await import('sharp');
  const one = async (image: number) => {
    const input = pixels.subarray(image * inputBytes, (image + 1) * inputBytes);
    const output = await sharp(input, { raw: { width, height, channels } })
      .resize(to, to, { fit: 'cover', position: 'centre', kernel: 'lanczos3' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw()
      .toBuffer();
    result.set(output, image * outputBytes);
  };
  for (let first = 0; first < count; first += RESIZED_AT_ONCE) {
    if (signal?.aborted) throw interrupted();
    const last = Math.min(count, first + RESIZED_AT_ONCE);
    await Promise.all(Array.from({ length: last - first }, (_, i) => one(first + i)));
    onProgress?.({ unit: 'image', done: last, total: count });
  }
  return result;
}

/**
 * Images of a source as squares of `size` pixels. Squares of 28 pixels whose wanted size divides 32, or is a multiple of it,
 * are padded to 32 with zeros first. Then a size that divides the side is reached by averaging whole blocks; anything else is
 * centre-cropped and resized with Lanczos.
 *
 * @throws input errors DATA_TOO_LARGE; interrupted
 */
export async function fitToSize(images: SourceImages, size: number, options: LoadOptions = {}): Promise<SourceImages> {
  checkFits(images.count, size, 3);
  const square = images.height === images.width;
  if (square && images.width === size) return images;
  if (square && images.width === MNIST_SIZE && (PADDED_SIZE % size === 0 || size % PADDED_SIZE === 0)) {
    const pixels = padded(images.pixels, images.count, MNIST_SIZE, PADDED_SIZE, images.channels);
    return fitToSize({ ...images, height: PADDED_SIZE, width: PADDED_SIZE, pixels }, size, options);
  }
  await yieldToEventLoop();
  const pixels =
    square && images.width % size === 0
      ? areaAverage(images.pixels, images.count, images.width, size, images.channels)
      : await resized(images, size, options);
  return { ...images, height: size, width: size, pixels };
}

/** Images with the wanted channels: grey is repeated into RGB, RGB becomes its BT.601 luma. */
export function withChannels(images: SourceImages, channels: 1 | 3): SourceImages {
  return { ...images, channels, pixels: convertChannels(images.pixels, images.channels, channels) };
}
