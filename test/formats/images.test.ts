import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeImageGrid } from '../../src/formats/imageGrid.js';
import { encodePng, readImageFolder } from '../../src/formats/images.js';
import { bytesFromImages, convertChannels } from '../../src/formats/pixels.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'images-'));
});
afterEach(() => rm(folder, { recursive: true }));

const RGB8 = { size: 8, channels: 3, limit: 100 } as const;

function flat(width: number, height: number, colour: readonly number[]): Sharp {
  const channels = colour.length as 1 | 2 | 3 | 4;
  const data = Buffer.from(Array.from({ length: width * height }, () => colour).flat());
  return sharp(data, { raw: { width, height, channels } });
}

async function put(name: string, image: Sharp | Buffer): Promise<void> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, Buffer.isBuffer(image) ? image : await image.toBuffer());
}

/** The one colour of an image, or null when it has several. */
function colourOf(pixels: Uint8Array, channels: number): number[] | null {
  const colour = [...pixels.subarray(0, channels)];
  return pixels.every((value, i) => value === colour[i % channels]) ? colour : null;
}

describe('modes of pictures', () => {
  const grey16 = sharp(new Uint16Array(80).fill(32_896), { raw: { width: 10, height: 8, channels: 1 } });
  const cases: [string, Sharp, number[]][] = [
    ['grey', flat(9, 20, [77]).png(), [77, 77, 77]],
    ['grey with alpha, all transparent', flat(8, 8, [10, 0]).png(), [255, 255, 255]],
    ['RGB', flat(8, 8, [10, 200, 30]).png(), [10, 200, 30]],
    ['RGBA, opaque', flat(8, 8, [10, 200, 30, 255]).png(), [10, 200, 30]],
    ['palette', flat(30, 8, [10, 200, 30]).png({ palette: true }), [10, 200, 30]],
    ['16 bit', grey16.toColourspace('grey16').png(), [128, 128, 128]],
    ['lossless WebP', flat(8, 11, [1, 2, 3]).webp({ lossless: true }), [1, 2, 3]],
  ];
  it.each(cases)('%s', async (_, image, expected) => {
    await put('a.png', image);
    const { count, pixels } = await readImageFolder(folder, RGB8);
    expect(count).toBe(1);
    expect(colourOf(pixels, 3)).toEqual(expected);
  });

  it('half transparent is laid on white', async () => {
    await put('a.png', flat(8, 8, [200, 100, 0, 128]).png());
    const { pixels } = await readImageFolder(folder, RGB8);
    // 0.502 * colour + 0.498 * 255, whichever way the library rounds
    [227.4, 177.2, 127].forEach((value, channel) => expect(Math.abs(pixels[channel] - value)).toBeLessThan(1.01));
  });

  it('of an animation the first frame', async () => {
    const frames = Buffer.from(
      [...Array.from({ length: 64 }, () => [255, 0, 0]), ...Array.from({ length: 64 }, () => [0, 0, 255])].flat(),
    );
    await put('a.gif', sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } }).gif());
    expect((await sharp(join(folder, 'a.gif')).metadata()).pages).toBe(2);
    expect(colourOf((await readImageFolder(folder, RGB8)).pixels, 3)).toEqual([255, 0, 0]);
  });

  it('upright by its EXIF orientation', async () => {
    const columns = Buffer.from(Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 0 : 255)));
    await put(
      'a.png',
      sharp(columns, { raw: { width: 8, height: 8, channels: 1 } })
        .withMetadata({ orientation: 6 })
        .png(),
    );
    const { pixels } = await readImageFolder(folder, { ...RGB8, channels: 1 });
    // Orientation 6 is turned by 90 degrees clockwise: the left half becomes the upper half.
    expect([pixels[0], pixels[7], pixels[56], pixels[63]]).toEqual([0, 0, 255, 255]);
  });

  it('an odd size keeps its centre', async () => {
    const wide = Buffer.from(Array.from({ length: 24 * 8 }, (_, i) => [50, 100, 150][Math.floor((i % 24) / 8)]));
    await put('a.png', sharp(wide, { raw: { width: 24, height: 8, channels: 1 } }).png());
    expect(colourOf((await readImageFolder(folder, { ...RGB8, channels: 1 })).pixels, 1)).toEqual([100]);
  });
});

describe('folders', () => {
  it('images come in the order of their names, up to the limit, without labels', async () => {
    for (const [name, value] of [
      ['b.png', 2],
      ['B.PNG', 1],
      ['a.png', 3],
      ['.hidden.png', 9],
    ] as const)
      await put(name, flat(8, 8, [value]).png());
    await put('notes.txt', Buffer.from('not an image'));
    const grey = { ...RGB8, channels: 1 } as const;
    const all = await readImageFolder(folder, grey);
    expect([all.count, all.labels, all.pixels[0], all.pixels[64], all.pixels[128]]).toEqual([3, null, 1, 3, 2]);
    expect((await readImageFolder(folder, { ...grey, limit: 2 })).pixels.length).toBe(128);
  });

  it('class folders are dealt out in turn', async () => {
    for (const [name, value] of [
      ['dog/1.png', 20],
      ['cat/1.png', 10],
      ['cat/2.png', 11],
      ['cat/3.png', 12],
    ] as const)
      await put(name, flat(8, 8, [value]).png());
    await mkdir(join(folder, 'empty'));
    const { count, labels, classes, pixels } = await readImageFolder(folder, { ...RGB8, channels: 1 });
    expect(classes).toEqual(['cat', 'dog']);
    expect([...(labels ?? [])]).toEqual([0, 1, 0, 0]);
    expect(Array.from({ length: count }, (_, i) => pixels[64 * i])).toEqual([10, 20, 11, 12]);
  });

  it('no folder, or nothing in it, is refused', async () => {
    await expect(readImageFolder(join(folder, 'absent'), RGB8)).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
    await expect(readImageFolder(folder, RGB8)).rejects.toMatchObject({ kind: 'input', code: 'DATA_NO_IMAGES' });
  });

  it('a file that is no image, empty or cut off is refused by its name', async () => {
    await put('a.png', flat(8, 8, [1]).png());
    const whole = await flat(64, 64, [1, 2, 3]).jpeg().toBuffer();
    for (const bad of [Buffer.from('<html>'), Buffer.alloc(0), whole.subarray(0, whole.length - 200)]) {
      await put('broken.jpg', bad);
      await expect(readImageFolder(folder, RGB8)).rejects.toMatchObject({
        code: 'DATA_UNREADABLE_IMAGE',
        message: expect.stringContaining('broken.jpg'),
      });
    }
  });

  it('a picture with too many pixels is refused before it is decoded', async () => {
    const png = await flat(8, 8, [1, 2, 3]).png().toBuffer();
    // Width and height in the IHDR chunk, and its checksum.
    png.writeUInt32BE(50_000, 16);
    png.writeUInt32BE(50_000, 20);
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    await put('bomb.png', png);
    await expect(readImageFolder(folder, RGB8)).rejects.toMatchObject({
      code: 'DATA_UNREADABLE_IMAGE',
      message: expect.stringMatching(/bomb\.png.*pixel limit/),
    });
  });

  it('stops when asked', async () => {
    await put('a.png', flat(8, 8, [1]).png());
    const signal = AbortSignal.abort();
    await expect(readImageFolder(folder, { ...RGB8, signal })).rejects.toMatchObject({ kind: 'interrupted' });
  });
});

describe('pixels', () => {
  it('floats become the nearest byte', () => {
    const images = Float32Array.of(-1, 1, 0.0001, -1.5, 7, Number.NaN, 100 / 127.5 - 1);
    expect([...bytesFromImages(images)]).toEqual([0, 255, 128, 0, 255, 0, 100]);
  });

  it('channels are converted as Pillow does', () => {
    // >>> [Image.new('RGB', (1, 1), c).convert('L').getpixel((0, 0)) for c in [(255, 0, 0), (0, 255, 0), (0, 0, 255), (12, 200, 99)]]
    const colours = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 12, 200, 99);
    expect([...convertChannels(colours, 3, 1)]).toEqual([76, 150, 29, 132]);
    expect([...convertChannels(Uint8Array.of(4, 9), 1, 3)]).toEqual([4, 4, 4, 9, 9, 9]);
  });
});

describe('PNG', () => {
  it('round trip', async () => {
    const pixels = Uint8Array.from({ length: 36 }, (_, i) => i * 7);
    const png = await encodePng(pixels, { width: 4, height: 3, channels: 3 });
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([4, 3, 3]);
    expect(new Uint8Array(data)).toEqual(pixels);
  });

  it('a grid has every image at its place, white between', async () => {
    const size = 2;
    const images = Float32Array.from({ length: 3 * size * size }, (_, i) => i / 127.5 - 1);
    const png = await encodeImageGrid(images, { count: 3, size, channels: 1 }, { columns: 2, scale: 2 });
    const { data, info } = await sharp(png).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
    const rows = Array.from({ length: info.height }, (_, y) => [
      ...data.subarray(y * info.width, (y + 1) * info.width),
    ]);
    const W = 255;
    expect(rows).toEqual([
      [W, W, W, W, W, W, W, W, W, W, W],
      [W, 0, 0, 1, 1, W, 4, 4, 5, 5, W],
      [W, 0, 0, 1, 1, W, 4, 4, 5, 5, W],
      [W, 2, 2, 3, 3, W, 6, 6, 7, 7, W],
      [W, 2, 2, 3, 3, W, 6, 6, 7, 7, W],
      [W, W, W, W, W, W, W, W, W, W, W],
      [W, 8, 8, 9, 9, W, W, W, W, W, W],
      [W, 8, 8, 9, 9, W, W, W, W, W, W],
      [W, 10, 10, 11, 11, W, W, W, W, W, W],
      [W, 10, 10, 11, 11, W, W, W, W, W, W],
      [W, W, W, W, W, W, W, W, W, W, W],
    ]);
  });

  it('a grid of the wrong shape is refused', async () => {
    await expect(
      encodeImageGrid(new Float32Array(5), { count: 1, size: 2, channels: 1 }, { columns: 1 }),
    ).rejects.toThrow(RangeError);
  });
});
