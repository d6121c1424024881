import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { normalisedImages } from '../../src/data/batchImages.js';
import { makeDataset } from '../../src/data/makeDataset.js';
import { splitDataset } from '../../src/data/split.js';

const tiny = (pixels: number[], channels: 1 | 3 = 1, labels: number[] | null = null) =>
  makeDataset({
    source: 'idx',
    count: pixels.length / (4 * channels),
    size: 2,
    channels,
    pixels: Uint8Array.from(pixels),
    labels: labels && Uint8Array.from(labels),
    classes: [],
  });

describe('normalisedImages', () => {
  it('takes the images asked for, as byte / 127.5 - 1', () => {
    const dataset = tiny([0, 255, 51, 102, 1, 2, 3, 4]);
    const images = normalisedImages(dataset, Int32Array.of(1, 0, 1), null);
    expect(images.length).toBe(12);
    expect([...images.subarray(4, 8)]).toEqual([-1, 1, Math.fround(-0.6), Math.fround(-0.2)]);
    expect(images.subarray(0, 4)).toEqual(images.subarray(8));
  });

  it('mirrors whole pixels, row by row', () => {
    const dataset = tiny([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 3);
    const bytes = normalisedImages(dataset, Int32Array.of(0, 0), Uint8Array.of(1, 0)).map((x) =>
      Math.round((x + 1) * 127.5),
    );
    expect([...bytes.subarray(0, 12)]).toEqual([4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
    expect([...bytes.subarray(12)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('refuses an image that does not exist', () => {
    expect(() => normalisedImages(tiny([1, 2, 3, 4]), Int32Array.of(1), null)).toThrow(RangeError);
  });
});

describe('splitDataset', () => {
  const dataset = tiny([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3], 1, [7, 8, 9]);

  it('holds out the last images, as views', () => {
    const { train, heldOut } = splitDataset(dataset, 1);
    expect([train.count, [...train.pixels], [...(train.labels ?? [])]]).toEqual([2, [1, 1, 1, 1, 2, 2, 2, 2], [7, 8]]);
    expect([heldOut.count, [...heldOut.pixels], [...(heldOut.labels ?? [])]]).toEqual([1, [3, 3, 3, 3], [9]]);
    expect(heldOut.pixels.buffer).toBe(dataset.pixels.buffer);
    expect(new Set([train.hash, heldOut.hash, dataset.hash]).size).toBe(3);
  });

  it('refuses to leave nothing for training', () => {
    expect(() => splitDataset(dataset, 3)).toThrow(expect.objectContaining({ kind: 'input', code: 'DATA_TOO_FEW' }));
  });
});

describe('identity of data', () => {
  it('is the SHA-256 of shape, pixels and labels', () => {
    const expected = createHash('sha256')
      .update(Buffer.concat([Buffer.from('1 2 1 labelled\n'), Buffer.of(1, 2, 3, 4), Buffer.of(5)]))
      .digest('hex');
    expect(tiny([1, 2, 3, 4], 1, [5]).hash).toBe(expected);
  });

  it('changes with any pixel, any label, and without labels', () => {
    const hashes = [
      tiny([1, 2, 3, 4], 1, [5]),
      tiny([1, 2, 3, 5], 1, [5]),
      tiny([1, 2, 3, 4], 1, [6]),
      tiny([1, 2, 3, 4]),
    ];
    expect(new Set(hashes.map((dataset) => dataset.hash)).size).toBe(4);
  });

  it('is not made for parts that do not belong together', () => {
    expect(() => tiny([1, 2, 3, 4], 1, [5, 6])).toThrow(RangeError);
  });
});
