import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError, interrupted } from '../contract/errors.js';
import { imageFiles, readSquare, readWhole } from './images.js';
import { readInputFile } from './inputFile.js';
import { decodeNpz, requireArray } from './npz.js';
import type { NpyArray } from './npy.js';
import { convertChannels } from './pixels.js';

/** Bytes (count, height, width, channels). */
export interface ByteImages {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
}

export interface BatchOptions {
  /** Most images per batch. */
  readonly batch: number;
  /**
   * Brings every image of a folder to this shape: centre crop to a square, Lanczos (npz images must have the size already).
   * Without it images keep their own sizes, and a batch ends where the size changes.
   */
  readonly square?: { readonly size: number; readonly channels: 1 | 3 } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A set of images on disk, read a batch at a time. */
export interface ImageSource {
  readonly kind: 'images';
  readonly path: string;
  readonly count: number;
  /** Shape of the first image. */
  readonly first: { readonly height: number; readonly width: number; readonly channels: 1 | 3 };
  batches(options: BatchOptions): AsyncIterable<ByteImages>;
}

/** Mean and covariance of features that another program, or this one, saved. */
export interface SavedStatistics {
  readonly kind: 'statistics';
  readonly path: string;
  readonly dimensions: number;
  readonly mean: Float64Array;
  readonly covariance: Float64Array;
}

const AT_ONCE = 8;
/** Of a covariance in float32, relative to the deviations of its features. */
const ROUNDING = 1e-4;

/**
 * Opens what evaluation tools take: a folder of images, a folder of npz shards, an npz of images (`arr_0`, uint8 NHWC), or an
 * npz of statistics (`mu` and `sigma`, or `m2` and `s2`).
 *
 * @throws input errors SET_NOT_FOUND, SET_TOO_SMALL, STATISTICS_NOT_FINITE, STATISTICS_INVALID, and those of npz files and image folders
 */
export async function openImageSet(path: string): Promise<ImageSource | SavedStatistics> {
  const status = await stat(path).catch((cause: unknown) => {
    throw inputError('SET_NOT_FOUND', `${path} does not exist`, 'give a folder of images or an npz file', { cause });
  });
  if (!status.isDirectory()) {
    const arrays = decodeNpz(await readInputFile(path), path);
    if (arrays.has('mu') || arrays.has('m2')) return savedStatistics(arrays, path);
    return npzSource(path, [path], imagesOf(arrays, path));
  }
  const shards = (await readdir(path)).filter((name) => name.endsWith('.npz')).sort();
  if (shards.length > 0) {
    const paths = shards.map((name) => join(path, name));
    return npzSource(path, paths, imagesOf(decodeNpz(await readInputFile(paths[0]), paths[0]), paths[0]));
  }
  const files = await imageFiles(path);
  refuseSmall(path, files.length);
  const { height, width } = await readWhole(files[0]);
  return {
    kind: 'images',
    path,
    count: files.length,
    first: { height, width, channels: 3 },
    batches: (options) => folderBatches(files, options),
  };
}

function refuseSmall(path: string, count: number): void {
  if (count >= 2) return;
  throw inputError(
    'SET_TOO_SMALL',
    `${path} holds ${count === 0 ? 'no images' : 'one image'}`,
    'give at least two images; thousands are needed for a stable distance',
  );
}

function savedStatistics(arrays: ReadonlyMap<string, NpyArray>, path: string): SavedStatistics {
  const dtypes = ['<f8', '<f4'] as const;
  const mean = requireArray(arrays, ['mu', 'm2'], { dtypes, shape: [null] }, path);
  const dimensions = mean.shape[0];
  const covariance = requireArray(arrays, ['sigma', 's2'], { dtypes, shape: [dimensions, dimensions] }, path);
  if (!mean.data.every(Number.isFinite) || !covariance.data.every(Number.isFinite)) {
    throw inputError(
      'STATISTICS_NOT_FINITE',
      `${path} holds values that are not finite`,
      'compute the statistics again',
    );
  }
  const problem = covarianceProblem(covariance.data, dimensions);
  if (problem !== null) {
    throw inputError(
      'STATISTICS_INVALID',
      `"sigma" in ${path} is no covariance: ${problem}`,
      'give the covariance of features, as pytorch-fid saves it, or compute the statistics again',
    );
  }
  return {
    kind: 'statistics',
    path,
    dimensions,
    mean: Float64Array.from(mean.data),
    covariance: Float64Array.from(covariance.data),
  };
}

/** What no covariance can have; null where there is nothing of it. Distances read one triangle, so the other has to agree. */
function covarianceProblem(values: Float32Array | Float64Array, dimensions: number): string | null {
  if (dimensions === 0) return 'it has no dimensions';
  const variances = Array.from({ length: dimensions }, (_, feature) => values[feature * dimensions + feature]);
  const negative = variances.findIndex((variance) => variance < 0);
  if (negative >= 0) return `the variance of feature ${negative} is ${variances[negative]}`;
  const slack = ROUNDING ** 3 * Math.max(...variances);
  for (let row = 0; row < dimensions; row += 1) {
    for (let column = 0; column < row; column += 1) {
      const [below, above] = [values[row * dimensions + column], values[column * dimensions + row]];
      const scale = Math.sqrt(variances[row] * variances[column]);
      if (Math.abs(below - above) > ROUNDING * scale + slack) return `it is not symmetric at ${row}, ${column}`;
      if (Math.abs(below) > (1 + ROUNDING) * scale + slack) {
        return `features ${row} and ${column} vary together more than alone`;
      }
    }
  }
  return null;
}

function imagesOf(arrays: ReadonlyMap<string, NpyArray>, path: string): ByteImages {
  const expected = { dtypes: ['|u1'], shape: [null, null, null, null] } as const;
  const { shape, data } = requireArray(arrays, ['arr_0'], expected, path);
  const [count, height, width, channels] = shape;
  if ((channels !== 1 && channels !== 3) || height === 0 || width === 0) {
    throw inputError(
      'NPZ_WRONG_ARRAY',
      `"arr_0" in ${path} is uint8 (${shape.join(', ')})`,
      'it must hold images as (count, height, width, 1 or 3)',
    );
  }
  return { count, height, width, channels, pixels: data };
}

async function npzSource(path: string, files: readonly string[], first: ByteImages): Promise<ImageSource> {
  const shard = async (index: number): Promise<ByteImages> =>
    index === 0 ? first : imagesOf(decodeNpz(await readInputFile(files[index]), files[index]), files[index]);
  let count = 0;
  for (const index of files.keys()) count += (await shard(index)).count;
  refuseSmall(path, count);
  const { height, width, channels } = first;
  return {
    kind: 'images',
    path,
    count,
    first: { height, width, channels },
    async *batches({ batch, square, signal }) {
      for (const index of files.keys()) {
        const images = await shard(index);
        refuseOtherSize(files[index], images, square);
        const length = images.height * images.width * images.channels;
        for (let start = 0; start < images.count; start += batch) {
          if (signal?.aborted) throw interrupted();
          const end = Math.min(start + batch, images.count);
          const pixels = images.pixels.subarray(start * length, end * length);
          yield withChannels({ ...images, count: end - start, pixels }, square?.channels);
        }
      }
    },
  };
}

function refuseOtherSize(path: string, images: ByteImages, square: BatchOptions['square']): void {
  if (square === undefined || (images.height === square.size && images.width === square.size)) return;
  throw inputError(
    'SET_OTHER_SIZE',
    `${path} holds images of ${images.height} x ${images.width}, the features are made for ${square.size} x ${square.size}`,
    'generate images of that size, or use Inception features, which take any size',
  );
}

function withChannels(images: ByteImages, channels: 1 | 3 = images.channels): ByteImages {
  return { ...images, channels, pixels: convertChannels(images.pixels, images.channels, channels) };
}

async function* folderBatches(files: readonly string[], options: BatchOptions): AsyncIterable<ByteImages> {
  const { batch, square, signal } = options;
  let waiting: { height: number; width: number; pixels: Uint8Array }[] = [];
  const channels = square?.channels ?? 3;
  for (let start = 0; start < files.length; start += AT_ONCE) {
    if (signal?.aborted) throw interrupted();
    const read = await Promise.all(files.slice(start, start + AT_ONCE).map((file) => readImage(file, square)));
    for (const image of read) {
      const sizeChanges =
        waiting.length > 0 && (waiting[0].height !== image.height || waiting[0].width !== image.width);
      if (waiting.length === batch || sizeChanges) {
        yield joined(waiting, channels);
        waiting = [];
      }
      waiting.push(image);
    }
  }
  if (waiting.length > 0) yield joined(waiting, channels);
}

async function readImage(path: string, square: BatchOptions['square']) {
  if (square === undefined) return readWhole(path);
  return { height: square.size, width: square.size, pixels: await readSquare(path, square.size, square.channels) };
}

function joined(images: readonly { height: number; width: number; pixels: Uint8Array }[], channels: 1 | 3): ByteImages {
  const [{ height, width }] = images;
  const length = height * width * channels;
  const pixels = new Uint8Array(images.length * length);
  images.forEach((image, index) => pixels.set(image.pixels, index * length));
  return { count: images.length, height, width, channels, pixels };
}
