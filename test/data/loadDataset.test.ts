import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataSchema } from '../../src/contract/config.js';
import { readFashionMnist } from '../../src/data/fashionMnist.js';
import { loadDataset } from '../../src/data/loadDataset.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'data-'));
});
afterEach(() => rm(folder, { recursive: true }));

const load = (config: object) => loadDataset(dataSchema.parse(config));

/** An IDX file, as its format's description has it. */
function idx(shape: number[], values: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => header.writeUInt32BE(size, 4 + 4 * axis));
  return Buffer.concat([header, Uint8Array.from(values)]);
}

const put = (name: string, bytes: Uint8Array) => writeFile(join(folder, name), bytes);

async function putMnist(images: Buffer, labels: Buffer | null, ending = ''): Promise<void> {
  await put(`train-images-idx3-ubyte${ending}`, images);
  if (labels) await put(`train-labels-idx1-ubyte${ending}`, labels);
}

describe('IDX', () => {
  const ramp = Array.from({ length: 3 * 64 }, (_, i) => i);

  it('images with labels, from a folder or from the file, gzipped or not', async () => {
    await putMnist(idx([3, 8, 8], ramp), gzipSync(idx([3], [2, 0, 1])));
    await rm(join(folder, 'train-labels-idx1-ubyte'));
    await put('train-labels-idx1-ubyte.gz', gzipSync(idx([3], [2, 0, 1])));
    for (const path of [folder, join(folder, 'train-images-idx3-ubyte')]) {
      const dataset = await load({ source: 'idx', path, size: 8, channels: 1 });
      expect(dataset).toMatchObject({ source: 'idx', count: 3, size: 8, channels: 1, classes: ['0', '1', '2'] });
      expect([...dataset.pixels]).toEqual(ramp);
      expect([...(dataset.labels ?? [])]).toEqual([2, 0, 1]);
    }
  });

  it('images without labels, the first of them', async () => {
    await put('digits', idx([3, 8, 8], ramp));
    const dataset = await load({ source: 'idx', path: join(folder, 'digits'), size: 8, channels: 3, count: 2 });
    expect([dataset.count, dataset.labels, dataset.classes]).toEqual([2, null, []]);
    expect([...dataset.pixels.subarray(0, 9)]).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  });

  it('labels of another count are refused', async () => {
    await putMnist(idx([3, 8, 8], ramp), idx([2], [0, 1]));
    await expect(load({ source: 'idx', path: folder })).rejects.toMatchObject({
      kind: 'input',
      code: 'DATA_COUNT_MISMATCH',
    });
  });

  it('arrays that are no images or no labels, and no images at all, are refused', async () => {
    await put('flat', idx([5], [1, 2, 3, 4, 5]));
    await expect(load({ source: 'idx', path: join(folder, 'flat') })).rejects.toMatchObject({
      code: 'DATA_WRONG_MAGIC',
    });
    await put('none', idx([0, 8, 8], []));
    await expect(load({ source: 'idx', path: join(folder, 'none') })).rejects.toMatchObject({ code: 'DATA_NO_IMAGES' });
    await putMnist(idx([3, 8, 8], ramp), idx([3, 1], [0, 1, 2]));
    await expect(load({ source: 'idx', path: folder })).rejects.toMatchObject({ code: 'DATA_WRONG_MAGIC' });
  });

  it('a path that is missing, wrong or not given is refused', async () => {
    for (const path of [folder, join(folder, 'absent'), undefined])
      await expect(load({ source: 'idx', path })).rejects.toMatchObject({ kind: 'input', code: 'DATA_NOT_FOUND' });
  });
});

describe('sizes', () => {
  /** One 28 x 28 image with a block of 4 x 4 pixels of value 80 whose corner is at row 8, column 10. */
  const block = idx(
    [1, 28, 28],
    Array.from({ length: 784 }, (_, i) => {
      const row = Math.floor(i / 28);
      const column = i % 28;
      return row >= 8 && row < 12 && column >= 10 && column < 14 ? 80 : 0;
    }),
  );
  const lit = (pixels: Uint8Array, size: number) =>
    [...pixels].flatMap((value, i) => (value > 0 ? [[Math.floor(i / size), i % size, value]] : []));
  const at = (size: number) => load({ source: 'idx', path: join(folder, 'block'), size, channels: 1 });
  beforeEach(() => put('block', block));

  it('28 stays, 32 is padded by two, 16 is the padded image averaged in blocks of four', async () => {
    expect(lit((await at(28)).pixels, 28)[0]).toEqual([8, 10, 80]);
    const padded = lit((await at(32)).pixels, 32);
    expect([padded.length, padded[0], padded[15]]).toEqual([16, [10, 12, 80], [13, 15, 80]]);
    expect(lit((await at(16)).pixels, 16)).toEqual([
      [5, 6, 80],
      [5, 7, 80],
      [6, 6, 80],
      [6, 7, 80],
    ]);
    expect(lit((await at(8)).pixels, 8)).toEqual([
      [2, 3, 40],
      [3, 3, 40],
    ]);
  });

  it('14 is averaged without padding', async () => {
    expect(lit((await at(14)).pixels, 14)).toEqual([
      [4, 5, 80],
      [4, 6, 80],
      [5, 5, 80],
      [5, 6, 80],
    ]);
  });

  it.each([20, 64])('%i keeps the mean brightness', async (size) => {
    const { pixels } = await at(size);
    const area = size === 64 ? 32 : 28;
    const mean = pixels.reduce((sum, value) => sum + value, 0) / (size * size);
    expect(Math.abs(mean - (80 * 16) / (area * area))).toBeLessThan(0.15);
  });

  it('what is not square loses its sides', async () => {
    const wide = idx(
      [1, 8, 12],
      Array.from({ length: 96 }, (_, i) => (i % 12 < 2 || i % 12 >= 10 ? 200 : 90)),
    );
    await put('wide', wide);
    const dataset = await load({ source: 'idx', path: join(folder, 'wide'), size: 8, channels: 1 });
    expect(dataset.pixels).toEqual(new Uint8Array(64).fill(90));
  });

  it('what does not fit in memory is refused before it is made', async () => {
    const before = process.memoryUsage().arrayBuffers;
    await expect(load({ source: 'shapes', count: 10_000_000, size: 512 })).rejects.toMatchObject({
      code: 'DATA_TOO_LARGE',
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });
});

describe('CIFAR-10', () => {
  const record = (label: number) => [
    label,
    ...Array.from({ length: 3072 }, (_, i) => [200, 100, 50][Math.floor(i / 1024)]),
  ];

  async function putBatches(where: string, records: number): Promise<void> {
    await mkdir(where, { recursive: true });
    for (let batch = 1; batch <= 5; batch++) {
      const labels = Array.from({ length: records }, (_, i) => batch + i);
      await writeFile(join(where, `data_batch_${batch}.bin`), Uint8Array.from(labels.flatMap(record)));
    }
  }

  it('five batches in their order, from the folder or the one above it', async () => {
    await putBatches(join(folder, 'cifar-10-batches-bin'), 2);
    for (const path of [folder, join(folder, 'cifar-10-batches-bin')]) {
      const dataset = await load({ source: 'cifar10', path, size: 32 });
      expect([dataset.count, dataset.pixels.length, dataset.classes[9]]).toEqual([10, 30_720, 'truck']);
      expect([...(dataset.labels ?? [])]).toEqual([1, 2, 2, 3, 3, 4, 4, 5, 5, 6]);
    }
    const half = await load({ source: 'cifar10', path: folder, size: 16, channels: 1, count: 3 });
    // 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2
    expect([half.count, half.pixels.length, ...new Set(half.pixels)]).toEqual([3, 768, 124]);
  });

  it('a missing batch is named', async () => {
    await putBatches(folder, 1);
    await rm(join(folder, 'data_batch_4.bin'));
    await expect(load({ source: 'cifar10', path: folder })).rejects.toMatchObject({
      code: 'DATA_NOT_FOUND',
      message: expect.stringContaining('data_batch_4.bin'),
    });
    await expect(load({ source: 'cifar10' })).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
  });
});

describe('folder of images', () => {
  it('with classes', async () => {
    for (const [name, value] of [
      ['cat', 10],
      ['dog', 20],
    ] as const) {
      await mkdir(join(folder, name));
      const image = sharp(Buffer.alloc(100, value), { raw: { width: 10, height: 10, channels: 1 } });
      await image.png().toFile(join(folder, name, 'a.png'));
    }
    const dataset = await load({ source: 'images', path: folder, size: 8, channels: 3 });
    expect(dataset).toMatchObject({ source: 'images', count: 2, classes: ['cat', 'dog'], labels: Uint8Array.of(0, 1) });
    expect([dataset.pixels[0], dataset.pixels[192]]).toEqual([10, 20]);
  });

  it('without a path is refused', async () => {
    await expect(load({ source: 'images' })).rejects.toMatchObject({ kind: 'input', code: 'DATA_NOT_FOUND' });
  });
});

describe('Fashion-MNIST', () => {
  const DEBIAN = '/usr/share/datasets/fashion-mnist';

  it('is taken from the first folder that has images and labels, and from nowhere else', async () => {
    const empty = join(folder, 'empty');
    await mkdir(empty);
    await putMnist(gzipSync(idx([2, 28, 28], new Uint8Array(1568))), gzipSync(idx([2], [9, 0])), '.gz');
    const places = { folders: [empty, folder], cache: join(folder, 'cache'), url: 'http://127.0.0.1:9' };
    const images = await readFashionMnist(undefined, 100, places);
    expect([images.count, ...(images.labels ?? [])]).toEqual([2, 9, 0]);
    expect(existsSync(places.cache)).toBe(false);
  });

  it('is downloaded where it is nowhere, and says so when that fails', async () => {
    const places = { folders: [], cache: join(folder, 'cache'), url: 'http://127.0.0.1:9' };
    await expect(readFashionMnist(undefined, 1, places)).rejects.toMatchObject({
      kind: 'failure',
      code: 'DATA_DOWNLOAD_FAILED',
    });
  });

  it('labels of another set are refused', async () => {
    await putMnist(idx([1, 28, 28], new Uint8Array(784)), idx([1], [10]));
    await expect(load({ source: 'fashion-mnist', path: folder })).rejects.toMatchObject({ code: 'DATA_WRONG_LABEL' });
  });

  it.skipIf(!existsSync(DEBIAN))(
    "as Debian's package dataset-fashion-mnist has it (skipped where it is not installed)",
    async () => {
      // >>> d = np.frombuffer(gzip.open(f'{DEBIAN}/train-images-idx3-ubyte.gz').read(), np.uint8)[16:]
      // >>> len(d) // 784, d.astype(np.int64).sum(), d.mean()
      // (60000, 3431114169, 72.94035223214286)
      const dataset = await load({ source: 'fashion-mnist', path: DEBIAN, size: 28, channels: 1 });
      expect(dataset.count).toBe(60_000);
      expect(dataset.pixels.reduce((sum, value) => sum + value, 0)).toBe(3_431_114_169);
      const counts = new Array<number>(10).fill(0);
      dataset.labels?.forEach((label) => counts[label]++);
      expect(counts).toEqual(new Array(10).fill(6000));
      expect([...(dataset.labels ?? []).slice(0, 5)]).toEqual([9, 0, 0, 3, 0]);
      expect(dataset.classes[9]).toBe('Ankle boot');
    },
  );
});
