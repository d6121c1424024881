import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { inputError, interrupted } from '../contract/errors.js';
import { CIFAR_SIZE, decodeCifar10 } from '../formats/cifar.js';
import type { LoadOptions, SourceImages } from './sourceImages.js';

/** Names of the ten labels, from batches.meta.txt. */
const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

const TRAINING_FILES = [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`);
/** The folder inside the published archive. */
const ARCHIVE_FOLDER = 'cifar-10-batches-bin';
/** A published file has 30,730,000 bytes; a larger one is not CIFAR-10. */
const MAX_FILE_BYTES = 2 ** 30;
const HINT =
  'get the binary version from www.cs.toronto.edu/~kriz/cifar.html, unpack it and give its folder in data.path';

async function readBatch(path: string): Promise<Uint8Array> {
  const status = await stat(path).catch((cause: unknown) => {
    throw inputError('DATA_NOT_FOUND', `${path} does not exist`, HINT, { cause });
  });
  if (!status.isFile() || status.size > MAX_FILE_BYTES) {
    throw inputError('DATA_WRONG_MAGIC', `${path} is not a CIFAR-10 file`, HINT);
  }
  return readFile(path);
}

async function trainingFiles(path: string | undefined): Promise<string[]> {
  if (path === undefined) throw inputError('DATA_NOT_FOUND', 'CIFAR-10 comes with no standard place', HINT);
  const status = await stat(path).catch((cause: unknown) => {
    throw inputError('DATA_NOT_FOUND', `${path} does not exist`, HINT, { cause });
  });
  if (status.isFile()) return [path];
  const nested = join(path, ARCHIVE_FOLDER);
  const folder = (await stat(nested).catch(() => null))?.isDirectory() ? nested : path;
  return TRAINING_FILES.map((name) => join(folder, name));
}

/**
 * The training images of CIFAR-10 (32 x 32, RGB), binary version: from a folder with data_batch_1.bin to data_batch_5.bin, the
 * folder that holds `cifar-10-batches-bin`, or one such file. At most the first `limit`; files beyond it are not opened.
 *
 * @throws input errors DATA_NOT_FOUND, DATA_TRUNCATED, DATA_WRONG_MAGIC; interrupted
 */
export async function readCifar10(
  path: string | undefined,
  limit: number,
  { onProgress, signal }: LoadOptions = {},
): Promise<SourceImages> {
  const parts = [];
  let count = 0;
  for (const file of await trainingFiles(path)) {
    if (count >= limit) break;
    if (signal?.aborted) throw interrupted();
    const part = decodeCifar10(await readBatch(file), basename(file), limit - count);
    parts.push(part);
    count += part.count;
    onProgress?.({ unit: 'image', done: count, total: null });
  }
  return {
    count,
    height: CIFAR_SIZE,
    width: CIFAR_SIZE,
    channels: 3,
    pixels: Buffer.concat(parts.map((part) => part.pixels)),
    labels: Buffer.concat(parts.map((part) => part.labels)),
    classes: CIFAR10_CLASSES,
  };
}
