import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDataset } from '../../src/data/makeDataset.js';
import { randomProjection } from '../../src/evaluation/randomProjection.js';
import { referenceFeatures } from '../../src/evaluation/referenceFeatures.js';
import { readReference, writeReference } from '../../src/evaluation/referenceFile.js';
import { openImageSet } from '../../src/formats/imageSets.js';
import { randomIntegers } from '../../src/tensor/random.js';
import { removeFolder } from '../removeFolder.js';

const SIZE = 4;
const extractor = randomProjection({ size: SIZE, channels: 1 });

function images(index: number, count = 9) {
  const pixels = Uint8Array.from(randomIntegers({ seed: 8, stream: 'reference', index }, count * SIZE * SIZE, 0, 256));
  return makeDataset({ source: `set ${index}`, count, size: SIZE, channels: 1, pixels, labels: null, classes: [] });
}

let root: string;
let path: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-reference-'));
  path = join(root, 'reference.npz');
  await writeReference(path, await referenceFeatures(extractor, images(0)));
});
afterAll(() => removeFolder(root));

describe('a kept reference set', () => {
  it('comes back as it was computed', async () => {
    const computed = await referenceFeatures(extractor, images(0));
    const kept = await readReference(path, extractor, images(0));
    expect(kept).toEqual(computed);
  });

  it('has mean and covariance as two passes over its features give them', async () => {
    const { features, moments, count } = (await readReference(path, extractor, images(0)))!;
    const d = extractor.dimensions;
    const mean = (axis: number) =>
      Array.from({ length: count }, (_, row) => features[row * d + axis]!).reduce((a, b) => a + b, 0) / count;
    for (const [i, j] of [
      [0, 0],
      [3, 60],
      [63, 17],
    ] as const) {
      const sum = Array.from({ length: count }, (_, row) => row).reduce(
        (total, row) => total + (features[row * d + i]! - mean(i)) * (features[row * d + j]! - mean(j)),
        0,
      );
      expect(moments.mean[i]).toBeCloseTo(mean(i), 6);
      expect(moments.covariance[i * d + j]).toBeCloseTo(sum / (count - 1), 6);
    }
  });

  it('is statistics for whoever reads mu and sigma', async () => {
    const saved = await openImageSet(path);
    const { moments } = (await readReference(path, extractor, images(0)))!;
    expect(saved).toMatchObject({ kind: 'statistics', dimensions: 64, mean: moments.mean });
  });

  it('is nothing for other images, for other features and where there is no file', async () => {
    expect(await readReference(path, extractor, images(1))).toBeNull();
    expect(await readReference(path, { ...extractor, hash: 'ef'.repeat(32) }, images(0))).toBeNull();
    expect(await readReference(join(root, 'nowhere.npz'), extractor, images(0))).toBeNull();
  });

  it('is refused when it is cut off, or holds less than its identity says', async () => {
    const bytes = await readFile(path);
    const cut = join(root, 'cut.npz');
    await writeFile(cut, bytes.subarray(0, bytes.length - 30));
    await expect(readReference(cut, extractor, images(0))).rejects.toMatchObject({ code: 'NPZ_INVALID' });
    const fewer = { ...(await referenceFeatures(extractor, images(0))), count: 8 };
    await writeReference(cut, { ...fewer, features: fewer.features.subarray(64) });
    await expect(readReference(cut, extractor, images(0))).rejects.toMatchObject({ code: 'NPZ_WRONG_ARRAY' });
  });
});
