import { describe, expect, it } from 'vitest';
import { dataSchema } from '../../src/contract/config.js';
import { loadDataset } from '../../src/data/loadDataset.js';
import { SHAPE_KINDS, drawShape } from '../../src/data/shapes.js';

const COUNT = 600;
const shapes = (config: object = {}) => loadDataset(dataSchema.parse({ source: 'shapes', count: COUNT, ...config }));

/** Grey value of every pixel of image `index`, and the background's: the corner that most corners agree with. */
function greyImage(pixels: Uint8Array, index: number, size: number) {
  const image = pixels.subarray(index * size * size, (index + 1) * size * size);
  const corners = [0, size - 1, size * (size - 1), size * size - 1].map((at) => image[at]).sort((a, b) => a - b);
  const background = corners[1] === corners[0] ? corners[0] : corners[2];
  const foreground = image.reduce(
    (far, v) => (Math.abs(v - background) > Math.abs(far - background) ? v : far),
    background,
  );
  return { image, background, foreground };
}

describe('the embedded set', () => {
  it('is labelled, every kind equally often, and needs nothing', async () => {
    const dataset = await shapes();
    expect([dataset.count, dataset.size, dataset.channels]).toEqual([COUNT, 16, 3]);
    expect(dataset.classes).toEqual(SHAPE_KINDS);
    const counts = SHAPE_KINDS.map((_, kind) => dataset.labels?.filter((label) => label === kind).length);
    expect(counts).toEqual(new Array(6).fill(100));
  });

  it('is the same every time, and the first part of a larger one', async () => {
    const [one, two, part] = [await shapes(), await shapes(), await shapes({ count: 50 })];
    expect(two.hash).toBe(one.hash);
    expect(part.pixels).toEqual(one.pixels.subarray(0, 50 * 768));
  });

  it('another seed draws other images', () => {
    const draw = (seed: number) => {
      const pixels = new Uint8Array(256);
      drawShape(pixels, 0, { seed, index: 0, size: 16, channels: 1 });
      return pixels;
    };
    expect(draw(1)).not.toEqual(draw(2));
  });

  it.each([8, 16, 33])('at size %i every shape is darker than its plain background', async (size) => {
    const { pixels } = await shapes({ size, channels: 1 });
    for (let index = 0; index < COUNT; index++) {
      const { image, background, foreground } = greyImage(pixels, index, size);
      expect(background - foreground).toBeGreaterThan(size < 16 ? 60 : 85);
      const plain = image.filter((value) => value === background).length / image.length;
      expect(plain).toBeGreaterThan(0.1);
    }
  });

  it('edges are anti-aliased: the covered area is the area of the geometry', async () => {
    // Areas over radius squared: pi, 2, 3 sqrt(3) / 4, pi (1 - 1/4), (4 a - a a) * 4 / (1 + a a) for arms a = 0.32, 2 * 0.55.
    const areas = [
      Math.PI,
      2,
      (3 * Math.sqrt(3)) / 4,
      0.75 * Math.PI,
      (4 * (2 * 0.32 - 0.32 ** 2)) / (1 + 0.32 ** 2),
      1.1,
    ];
    const size = 64;
    const { pixels } = await shapes({ size, channels: 1 });
    // The mean of radius squared for radii uniform between 0.36 and 0.46 of the side.
    const meanSquare = ((0.46 ** 3 - 0.36 ** 3) / (3 * 0.1)) * size * size;
    const covered = new Array<number>(6).fill(0);
    for (let index = 0; index < COUNT; index++) {
      const { image, background, foreground } = greyImage(pixels, index, size);
      const cover = image.reduce((sum, value) => sum + (value - background) / (foreground - background), 0);
      covered[index % 6] += cover / (COUNT / 6);
    }
    // 100 random radii a kind: the mean of their squares has a standard error of about 1.5 %.
    covered.forEach((area, kind) => expect(Math.abs(area / (areas[kind] * meanSquare) - 1)).toBeLessThan(0.06));
  });

  it('grey is the luma of colour', async () => {
    const colour = await shapes({ count: 30 });
    const grey = await shapes({ count: 30, channels: 1 });
    grey.pixels.forEach((value, i) => {
      const [red, green, blue] = colour.pixels.subarray(3 * i, 3 * i + 3);
      expect(Math.abs(value - (0.299 * red + 0.587 * green + 0.114 * blue))).toBeLessThan(1.01);
    });
  });

  it('stops when asked', async () => {
    const config = dataSchema.parse({});
    await expect(loadDataset(config, { signal: AbortSignal.abort() })).rejects.toMatchObject({ kind: 'interrupted' });
  });
});
