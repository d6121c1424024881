import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { readImageFolder, readWhole } from '../../../src/formats/images.js';
import type { FuzzReader } from '../fuzzReader.js';
import { mutateBytes } from '../mutate.js';
import { ensure, scratchFolder } from '../scratch.js';

const flat = (channels: 3 | 4, size = 6): Sharp =>
  sharp({ create: { width: size, height: size - 1, channels, background: { r: 200, g: 40, b: 9, alpha: 0.5 } } });

/** One small picture of every format and mode that a folder may hold. */
function seeds(): Promise<Buffer[]> {
  return Promise.all(
    [
      flat(3).png(),
      flat(4).png({ palette: true }),
      flat(4).toColourspace('rgb16').png({ progressive: true }),
      flat(3).greyscale().png(),
      flat(3).jpeg(),
      flat(3).toColourspace('cmyk').jpeg(),
      flat(4).webp(),
      flat(3).gif(),
      flat(4).tiff(),
      flat(3).tiff({ compression: 'lzw', tile: true, tileWidth: 16, tileHeight: 16 }),
      flat(3).avif({ effort: 0 }),
    ].map((image) => image.toBuffer()),
  );
}

const WORDS = [
  'IHDR',
  'IDAT',
  'PLTE',
  'tRNS',
  'acTL',
  'IEND',
  '\xff\xc0',
  '\xff\xda',
  '\xff\xe1Exif\0\0',
  'VP8X',
  'ANIM',
  '<svg xmlns="http://www.w3.org/2000/svg"/>',
  'ftypavif',
  '%!PS',
  'II*\0',
];

/** A picture, brought to a square for training and read whole for distances. */
export async function imageReader(): Promise<FuzzReader> {
  const { folder, close } = await scratchFolder();
  const path = join(folder, 'a.png');
  const pictures = await seeds();
  return {
    name: 'images',
    make: (random) => mutateBytes(random, pictures, WORDS),
    async read(bytes: Buffer) {
      await writeFile(path, bytes);
      const square = await readImageFolder(folder, { size: 8, channels: 3, limit: 2 });
      ensure(square.count === 1 && square.pixels.length === 192, 'the square has another size');
      const { height, width, pixels } = await readWhole(path);
      ensure(pixels.length === height * width * 3, 'the pixels do not fill the picture');
    },
    close,
  } as FuzzReader;
}
