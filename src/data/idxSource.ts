import { access, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { inputError } from '../contract/errors.js';
import { readIdx } from '../formats/idx.js';
import type { SourceImages } from './sourceImages.js';

const IMAGES_NAME = 'train-images-idx3-ubyte';
const LABELS_NAME = 'train-labels-idx1-ubyte';

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** The first of these files that is there, or null. */
async function firstExisting(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) if (await exists(path)) return path;
  return null;
}

const plainOrGzipped = (path: string) => [path, `${path}.gz`];

export interface IdxPair {
  readonly images: string;
  /** Null when there are no labels beside the images. */
  readonly labels: string | null;
}

/** The training images and labels inside a folder, under MNIST's names, gzipped or not; null when the images are not there. */
export async function findIdxPair(folder: string): Promise<IdxPair | null> {
  const images = await firstExisting(plainOrGzipped(join(folder, IMAGES_NAME)));
  if (images === null) return null;
  return { images, labels: await firstExisting(plainOrGzipped(join(folder, LABELS_NAME))) };
}

/** Labels lie beside `...images-idx3-ubyte` as `...labels-idx1-ubyte`, gzipped or not. */
async function findLabels(imagesFile: string): Promise<string | null> {
  const name = basename(imagesFile).replace(/\.gz$/, '');
  const labelsName = name.replace('images', 'labels').replace('idx3', 'idx1');
  return labelsName === name ? null : firstExisting(plainOrGzipped(join(dirname(imagesFile), labelsName)));
}

/**
 * The IDX files that a path means: a folder with MNIST's file names, or the file of images itself.
 *
 * @throws input error DATA_NOT_FOUND
 */
export async function idxPairAt(path: string): Promise<IdxPair> {
  const status = await stat(path).catch(() => null);
  if (status?.isFile()) return { images: path, labels: await findLabels(path) };
  const pair = status?.isDirectory() ? await findIdxPair(path) : null;
  if (pair) return pair;
  throw inputError(
    'DATA_NOT_FOUND',
    status ? `${path} holds no ${IMAGES_NAME}, plain or .gz` : `${path} does not exist`,
    'give a file of IDX images, or a folder with the files of MNIST or Fashion-MNIST',
  );
}

/**
 * Reads at most `limit` images (N, H, W) or (N, H, W, 1 or 3), with their labels when there are any.
 *
 * @param classNames names of the labels; without them labels are named by their number
 * @throws input errors of `readIdx`, and DATA_WRONG_MAGIC, DATA_COUNT_MISMATCH, DATA_NO_IMAGES, DATA_WRONG_LABEL
 */
export async function readIdxPair(
  pair: IdxPair,
  limit: number,
  classNames: readonly string[] | null = null,
): Promise<SourceImages> {
  const images = await readIdx(pair.images, limit);
  const [count, height, width, channels = 1] = images.shape;
  if (images.shape.length < 3 || (channels !== 1 && channels !== 3)) {
    throw inputError(
      'DATA_WRONG_MAGIC',
      `${pair.images} holds an array of shape (${images.shape.join(', ')}), not images`,
      'give IDX images of shape (count, height, width)',
    );
  }
  if (count * height * width === 0) {
    throw inputError('DATA_NO_IMAGES', `${pair.images} holds no images`, 'give a file with images in it');
  }
  const shape = { count, height, width, channels, pixels: images.data } as const;
  if (pair.labels === null) return { ...shape, labels: null, classes: [] };

  const labels = await readIdx(pair.labels, limit);
  if (labels.shape.length !== 1) {
    throw inputError(
      'DATA_WRONG_MAGIC',
      `${pair.labels} holds an array of shape (${labels.shape.join(', ')}), not labels`,
      'give IDX labels of shape (count)',
    );
  }
  if (labels.itemsInFile !== images.itemsInFile) {
    throw inputError(
      'DATA_COUNT_MISMATCH',
      `${pair.images} has ${images.itemsInFile} images but ${pair.labels} has ${labels.itemsInFile} labels`,
      'give images and labels of the same set',
    );
  }
  const largest = labels.data.reduce((most, label) => Math.max(most, label), 0);
  if (classNames && largest >= classNames.length) {
    throw inputError(
      'DATA_WRONG_LABEL',
      `${pair.labels} has a label ${largest}, but there are ${classNames.length} classes`,
      'give images and labels of the same set',
    );
  }
  return {
    ...shape,
    labels: labels.data,
    classes: classNames ?? Array.from({ length: largest + 1 }, (_, label) => String(label)),
  };
}
