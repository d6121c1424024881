import { join } from 'node:path';
import { inputError } from '../contract/errors.js';
import { userCacheFolder } from '../project/userCache.js';
import { downloadVerified } from './download.js';
import { findIdxPair, idxPairAt, readIdxPair, type IdxPair } from './idxSource.js';
import type { LoadOptions, SourceImages } from './sourceImages.js';

/** Names of the ten labels, from the set's own README. */
const FASHION_CLASSES = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
] as const;

/** Where the files of Fashion-MNIST may be, and where they come from when they are nowhere. */
export interface FashionMnistPlaces {
  /** Folders that other software fills; only read. */
  readonly folders: readonly string[];
  /** Our own folder, searched next and filled by a download. */
  readonly cache: string;
  readonly url: string;
}

/** Debian's package dataset-fashion-mnist. */
const DEBIAN_FOLDER = '/usr/share/datasets/fashion-mnist';
/** The official place and checksums, from github.com/zalandoresearch/fashion-mnist. */
const OFFICIAL_URL = 'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com';
const OFFICIAL_FILES = [
  { name: 'train-images-idx3-ubyte.gz', md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d' },
  { name: 'train-labels-idx1-ubyte.gz', md5: '25c81989df183df01b3e8a0aad5dffbe' },
] as const;
const MAX_FILE_BYTES = 64 * 2 ** 20;

/** The standard places; `cacheFolder` replaces the system's place for caches. */
export function fashionMnistPlaces(cacheFolder?: string): FashionMnistPlaces {
  return {
    folders: [DEBIAN_FOLDER],
    cache: join(cacheFolder ?? userCacheFolder(), 'datasets', 'fashion-mnist'),
    url: OFFICIAL_URL,
  };
}

async function download(places: FashionMnistPlaces, options: LoadOptions): Promise<void> {
  for (const { name, md5 } of OFFICIAL_FILES) {
    const file = { url: `${places.url}/${name}`, path: join(places.cache, name), maxBytes: MAX_FILE_BYTES };
    await downloadVerified({ ...file, checksum: { algorithm: 'md5', digest: md5 } }, options);
  }
}

async function complete(folder: string): Promise<IdxPair | null> {
  const pair = await findIdxPair(folder);
  return pair?.labels ? pair : null;
}

async function findOrDownload(places: FashionMnistPlaces, options: LoadOptions): Promise<IdxPair> {
  for (const folder of [...places.folders, places.cache]) {
    const pair = await complete(folder);
    if (pair) return pair;
  }
  await download(places, options);
  const pair = await complete(places.cache);
  if (pair) return pair;
  throw inputError('DATA_NOT_FOUND', `${places.cache} has no Fashion-MNIST`, 'give its path in data.path');
}

/**
 * The training images of Fashion-MNIST (28 x 28, grey): from `path` when given, else where Debian's package puts them, else
 * from the cache, else downloaded into it.
 *
 * @throws input errors of `idxPairAt` and `readIdxPair`, failures of `downloadVerified`
 */
export async function readFashionMnist(
  path: string | undefined,
  limit: number,
  places: FashionMnistPlaces,
  options: LoadOptions = {},
): Promise<SourceImages> {
  const pair = path === undefined ? await findOrDownload(places, options) : await idxPairAt(path);
  return readIdxPair(pair, limit, FASHION_CLASSES);
}
