import { readdir, realpath } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { OutputInfo, Sharp } from 'sharp';
import { inputError, interrupted } from '../contract/errors.js';
import { isInside } from '../project/links.js';
import { isKnownImage } from './imageSignature.js';
import { readInputFile } from './inputFile.js';
import { MAX_CONTENT_BYTES } from './limits.js';
import { convertChannels } from './pixels.js';

const IMAGE_EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.tif', '.tiff', '.avif']);
/** Larger pictures (8192 x 8192, more than cameras have) and files are refused before they are decoded. */
const MAX_INPUT_PIXELS = 2 ** 26;
const MAX_FILE_BYTES = 2 ** 28;
/** Pictures above this are decoded one at a time: an interlaced one with 16 bits takes 8 bytes a pixel. */
const LARGE_PIXELS = 2 ** 22;
/** Longest that one picture may take to decode; a hostile one would take minutes. */
const SECONDS = 30;
const MAX_CLASSES = 256;
const AT_ONCE = 8;

/** Encodes interleaved bytes (height, width, channels) as a PNG. */
export async function encodePng(
  pixels: Uint8Array,
  shape: { readonly width: number; readonly height: number; readonly channels: 1 | 3 },
): Promise<Buffer> {
  // Loaded when a picture is read or written: a training without pictures starts sooner.
  const { default: sharp } = await import('sharp');
  return sharp(pixels, { raw: shape }).png().toBuffer();
}

/** What `readImageFolder` makes of a folder. */
export interface FolderImages {
  readonly count: number;
  /** (count, size, size, channels) bytes. */
  readonly pixels: Uint8Array;
  /** (count) index of each image's class folder; null for a folder that holds its images itself. */
  readonly labels: Uint8Array | null;
  readonly classes: readonly string[];
}

export interface ImageFolderOptions {
  /** Side of the images made, pixels. */
  readonly size: number;
  readonly channels: 1 | 3;
  /** At most this many images, the first in order. */
  readonly limit: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Order of file names that no locale changes. */
const byCodeUnit = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Images and folders in a folder. `root` is the folder that was asked for: a link that leads out of it would let whoever made the
 * folder choose which pictures of somebody else are read.
 */
async function listFolder(path: string, root: string): Promise<{ images: string[]; folders: string[] }> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read as a folder (${cause.code})`;
    throw inputError('DATA_NOT_FOUND', `${path} ${what}`, 'give a folder of images', { cause });
  });
  const visible = entries.filter((entry) => !entry.name.startsWith('.'));
  const images = visible.filter(
    (entry) => !entry.isDirectory() && IMAGE_EXTENSIONS.has(extname(entry.name).toLowerCase()),
  );
  for (const { name } of images.filter((entry) => entry.isSymbolicLink())) {
    await refuseOutsideLink(join(path, name), root);
  }
  return {
    images: images.map((entry) => entry.name).sort(byCodeUnit),
    folders: visible
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort(byCodeUnit),
  };
}

async function refuseOutsideLink(link: string, root: string): Promise<void> {
  const target = await realpath(link).catch(() => null);
  if (target !== null && isInside(await realpath(root), target)) return;
  throw inputError(
    'DATA_LINK_OUTSIDE',
    `${link} is a link that leads ${target === null ? 'nowhere' : `out of ${root}`}`,
    'put the images themselves into the folder, or give the folder that the links lead to',
  );
}

interface LabelledFile {
  readonly path: string;
  readonly label: number;
}

/** Class folders are dealt out in turn, so that any first part and any last part holds every class. */
function dealInTurn(classes: readonly (readonly string[])[]): LabelledFile[] {
  const longest = Math.max(0, ...classes.map((files) => files.length));
  return Array.from({ length: longest }, (_, turn) =>
    classes.flatMap((files, label) => (turn < files.length ? [{ path: files[turn], label }] : [])),
  ).flat();
}

async function findImages(folder: string): Promise<{ files: LabelledFile[]; classes: string[] }> {
  const { images, folders } = await listFolder(folder, folder);
  if (images.length > 0) return { files: images.map((name) => ({ path: join(folder, name), label: 0 })), classes: [] };
  const inside = await Promise.all(folders.map(async (name) => (await listFolder(join(folder, name), folder)).images));
  const filled = folders.flatMap((name, i) => (inside[i].length > 0 ? [{ name, images: inside[i] }] : []));
  if (filled.length === 0) {
    throw inputError(
      'DATA_NO_IMAGES',
      `${folder} holds no images`,
      `put images (${[...IMAGE_EXTENSIONS].join(' ')}) into it, or one folder of images per class`,
    );
  }
  if (filled.length > MAX_CLASSES) {
    throw inputError(
      'DATA_TOO_MANY_CLASSES',
      `${folder} has ${filled.length} class folders`,
      `use at most ${MAX_CLASSES}, or one folder without classes`,
    );
  }
  const files = dealInTurn(filled.map((entry) => entry.images.map((image) => join(folder, entry.name, image))));
  return { files, classes: filled.map((entry) => entry.name) };
}

/** Paths of the images that `readImageFolder` would read, in its order. Throws as it does. */
export async function imageFiles(folder: string): Promise<string[]> {
  return (await findImages(folder)).files.map((file) => file.path);
}

/**
 * One picture as (height, width, 3) bytes at its own size, as Pillow's `convert('RGB')` gives it: alpha dropped, orientation
 * tags not applied.
 */
export async function readWhole(path: string): Promise<{ height: number; width: number; pixels: Uint8Array }> {
  try {
    const { data, info } = await decoded(path, (image) => image.removeAlpha());
    const pixels = convertChannels(data, info.channels === 1 ? 1 : 3, 3);
    return { height: info.height, width: info.width, pixels };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

let largeTurn: Promise<unknown> = Promise.resolve();

/** Decodes a file, changed as `change` says, to interleaved sRGB or grey bytes. */
async function decoded(path: string, change: (image: Sharp) => Sharp): Promise<{ data: Buffer; info: OutputInfo }> {
  const bytes = await readInputFile(path, { maxBytes: MAX_FILE_BYTES });
  if (!isKnownImage(bytes)) throw new Error(`its content is none of ${[...IMAGE_EXTENSIONS].join(' ')}`);
  const { default: sharp } = await import('sharp');
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: MAX_INPUT_PIXELS });
  const { width, height } = await image.metadata();
  const decode = () =>
    change(image)
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .timeout({ seconds: SECONDS })
      .toBuffer({ resolveWithObject: true });
  if (width * height <= LARGE_PIXELS) return decode();
  const turn = largeTurn.then(decode);
  largeTurn = turn.catch(() => undefined);
  return turn;
}

function unreadable(path: string, cause: unknown) {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return inputError(
    'DATA_UNREADABLE_IMAGE',
    `${path} cannot be read as an image: ${detail}`,
    'replace that file or take it out of the folder',
    { cause },
  );
}

/**
 * One picture of any size and mode as (size, size, channels) bytes: upright by its EXIF orientation, first frame only, sRGB
 * with 8 bits, transparent parts on white, centre-cropped to a square, resized with Lanczos.
 */
export async function readSquare(path: string, size: number, channels: 1 | 3): Promise<Uint8Array> {
  try {
    const { data, info } = await decoded(path, (image) =>
      image
        .autoOrient()
        .flatten({ background: '#ffffff' })
        .resize(size, size, { fit: 'cover', position: 'centre', kernel: 'lanczos3' }),
    );
    return convertChannels(data, info.channels === 1 ? 1 : 3, channels);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Reads a folder of images: its own images, without labels; or, when it holds none, one class per subfolder (one level deep),
 * dealt out in turn. Names are sorted by code unit, so the order is the same everywhere. Hidden files and other types of
 * file are passed over.
 *
 * @throws input errors DATA_NOT_FOUND, DATA_NO_IMAGES, DATA_TOO_MANY_CLASSES, DATA_TOO_LARGE, DATA_UNREADABLE_IMAGE (names
 * the file)
 */
export async function readImageFolder(path: string, options: ImageFolderOptions): Promise<FolderImages> {
  const { size, channels, limit, onProgress, signal } = options;
  const found = await findImages(path);
  const files = found.files.slice(0, limit);
  const imageBytes = size * size * channels;
  if (files.length * imageBytes > MAX_CONTENT_BYTES) {
    throw inputError(
      'DATA_TOO_LARGE',
      `${files.length} images of ${imageBytes} bytes do not fit in memory`,
      'use fewer or smaller images',
    );
  }
  const pixels = new Uint8Array(files.length * imageBytes);
  for (let first = 0; first < files.length; first += AT_ONCE) {
    if (signal?.aborted) throw interrupted();
    const batch = files.slice(first, first + AT_ONCE);
    const squares = await Promise.all(batch.map((file) => readSquare(file.path, size, channels)));
    squares.forEach((square, i) => pixels.set(square, (first + i) * imageBytes));
    onProgress?.(first + batch.length, files.length);
  }
  return {
    count: files.length,
    pixels,
    labels: found.classes.length > 0 ? Uint8Array.from(files, (file) => file.label) : null,
    classes: found.classes,
  };
}
