import type { DataConfig } from '../contract/config.js';
import { inputError, interrupted } from '../contract/errors.js';
import { readImageFolder } from '../formats/images.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { readCifar10 } from './cifar10.js';
import type { Dataset } from './dataset.js';
import { fashionMnistPlaces, readFashionMnist } from './fashionMnist.js';
import { idxPairAt, readIdxPair } from './idxSource.js';
import { makeDataset } from './makeDataset.js';
import { SHAPE_KINDS, drawShape, shapeLabel } from './shapes.js';
import { checkFits, fitToSize, withChannels, type LoadOptions, type SourceImages } from './sourceImages.js';

export interface LoadDatasetOptions extends LoadOptions {
  /** Where downloads are kept; the system's place for caches by default. */
  readonly cacheDir?: string;
}

/** The embedded set is one set, the same for every experiment: seeds of experiments vary training, not the data. */
const SHAPES_SEED = 0;
const SHAPES_BETWEEN_YIELDS = 500;

async function makeShapes(config: DataConfig, { onProgress, signal }: LoadOptions): Promise<SourceImages> {
  const { count, size, channels } = config;
  const imageBytes = size * size * channels;
  const pixels = new Uint8Array(count * imageBytes);
  for (let index = 0; index < count; index++) {
    if (index % SHAPES_BETWEEN_YIELDS === 0) {
      await yieldToEventLoop();
      if (signal?.aborted) throw interrupted();
      onProgress?.({ unit: 'image', done: index, total: count });
    }
    drawShape(pixels, index * imageBytes, { seed: SHAPES_SEED, index, size, channels });
  }
  onProgress?.({ unit: 'image', done: count, total: count });
  const labels = Uint8Array.from({ length: count }, (_, index) => shapeLabel(index));
  return { count, height: size, width: size, channels, pixels, labels, classes: SHAPE_KINDS };
}

function requirePath(config: DataConfig, what: string): string {
  if (config.path !== undefined) return config.path;
  throw inputError('DATA_NOT_FOUND', `the data source "${config.source}" needs a path`, `give ${what} in data.path`);
}

async function readFolder(config: DataConfig, { onProgress, signal }: LoadOptions): Promise<SourceImages> {
  const images = await readImageFolder(requirePath(config, 'a folder of images'), {
    size: config.size,
    channels: config.channels,
    limit: config.count,
    onProgress: (done, total) => onProgress?.({ unit: 'image', done, total }),
    ...(signal && { signal }),
  });
  return { ...images, height: config.size, width: config.size, channels: config.channels };
}

async function readSource(config: DataConfig, options: LoadDatasetOptions): Promise<SourceImages> {
  switch (config.source) {
    case 'shapes':
      return makeShapes(config, options);
    case 'fashion-mnist':
      return readFashionMnist(config.path, config.count, fashionMnistPlaces(options.cacheDir), options);
    case 'cifar10':
      return readCifar10(config.path, config.count, options);
    case 'idx':
      return readIdxPair(await idxPairAt(requirePath(config, 'a file of IDX images')), config.count);
    case 'images':
      return readFolder(config, options);
  }
}

/**
 * Loads the data of an experiment into memory as squares of `config.size` pixels with `config.channels` channels.
 *
 * @throws input errors with codes DATA_*: missing, truncated, damaged or foreign files, labels that do not match, images that
 * cannot be read, too much for memory; failures DATA_DOWNLOAD_FAILED and DATA_CHECKSUM; interrupted
 */
export async function loadDataset(config: DataConfig, options: LoadDatasetOptions = {}): Promise<Dataset> {
  if (config.source === 'shapes') checkFits(config.count, config.size, config.channels);
  const source = await readSource(config, options);
  const { count, pixels, labels, classes } = withChannels(
    await fitToSize(source, config.size, options),
    config.channels,
  );
  return makeDataset({
    source: config.source,
    count,
    size: config.size,
    channels: config.channels,
    pixels,
    labels,
    classes,
  });
}
