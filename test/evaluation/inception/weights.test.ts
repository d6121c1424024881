import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createInceptionExtractor } from '../../../src/evaluation/inception/extractor.js';
import { foldInceptionWeights } from '../../../src/evaluation/inception/foldWeights.js';
import { findInceptionFile, loadInceptionWeights } from '../../../src/evaluation/inception/weights.js';
import { encodeSafetensors } from '../../../src/formats/safetensors.js';
import { openEngine } from '../../../src/tensor/openEngine.js';
import { hashes, madeUpTensors } from './madeUpWeights.js';

const { shapes, features } = JSON.parse(
  readFileSync(new URL('../../golden/inception.json', import.meta.url), 'utf8'),
) as { shapes: Record<string, number[]>; features: Record<string, number[][]> };
const tensors = madeUpTensors(shapes);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepadapt-inception-'));
  await writeFile(join(folder, 'weights.safetensors'), encodeSafetensors(tensors));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe('Inception weights', () => {
  it('are converted once, known by the hash of their file, and not called FID when they are not the published ones', async () => {
    const path = join(folder, 'weights.safetensors');
    const cacheFolder = join(folder, 'cache');
    const hash = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    const first = await loadInceptionWeights(path, { cacheFolder });
    expect(first).toMatchObject({ hash, official: false });
    const [converted] = await readdir(join(cacheFolder, 'inception'));
    const second = await loadInceptionWeights(path, { cacheFolder });
    expect(second.weights.get('Mixed_7c.branch_pool.kernel')).toEqual(first.weights.get('Mixed_7c.branch_pool.kernel'));
    // A damaged conversion is made again.
    await writeFile(join(cacheFolder, 'inception', converted), 'damaged');
    expect((await loadInceptionWeights(path, { cacheFolder })).weights.size).toBe(first.weights.size);

    const image = { size: 32, channels: 3 };
    expect(createInceptionExtractor(first, image).label).toBe('FD (inception-v3, other weights)');
    expect(createInceptionExtractor({ ...first, official: true }, image).label).toBe('FID');
    expect(createInceptionExtractor({ ...first, official: true }, image, 64).label).not.toBe('FID');
  });

  it("are found in PyTorch's cache, then in the program's, else the way to get them is told", async () => {
    const torchHome = join(folder, 'torch');
    vi.stubEnv('TORCH_HOME', torchHome);
    const cacheFolder = join(folder, 'empty-cache');
    await expect(loadInceptionWeights(null, { cacheFolder })).rejects.toMatchObject({
      code: 'INCEPTION_WEIGHTS_MISSING',
      hint: expect.stringContaining('https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/'),
    });
    const name = 'pt_inception-2015-12-05-6726825d.pth';
    for (const place of [join(cacheFolder, 'inception'), join(torchHome, 'hub', 'checkpoints')]) {
      await mkdir(place, { recursive: true });
      await writeFile(join(place, name), '');
      expect(await findInceptionFile(null, cacheFolder)).toBe(join(place, name));
    }
    await expect(loadInceptionWeights(null, { cacheFolder })).rejects.toMatchObject({ code: 'TORCH_FILE_INVALID' });
  });

  it('of another network are refused by the first tensor that differs', () => {
    const other = new Map(tensors).set('fc.weight', {
      dtype: 'F32',
      shape: [1000, 2048],
      data: new Float32Array(2_048_000),
    });
    expect(() => foldInceptionWeights(other, 'other.pth')).toThrowError(
      expect.objectContaining({ code: 'INCEPTION_WEIGHTS_INVALID', message: expect.stringContaining('fc.weight') }),
    );
  });
});

describe('the extractor', () => {
  it('shows grey images as RGB, and batches change nothing', async () => {
    await openEngine('auto');
    const weights = { weights: foldInceptionWeights(tensors, 'made up'), hash: 'x', official: false };
    const count = 17;
    const grey = Float32Array.from(hashes('grey', count * 64), (hash) => (hash >>> 24) / 127.5 - 1);
    const colour = Float32Array.from({ length: grey.length * 3 }, (_, index) => grey[Math.floor(index / 3)]);
    const fromGrey = await createInceptionExtractor(weights, { size: 8, channels: 1 }, 64).extract(grey, count);
    const fromColour = await createInceptionExtractor(weights, { size: 8, channels: 3 }, 64).extract(colour, count);
    expect(fromGrey).toEqual(fromColour);
    const last = await createInceptionExtractor(weights, { size: 8, channels: 1 }, 64).extract(grey.slice(16 * 64), 1);
    last.forEach((value, axis) => expect(fromGrey[16 * 64 + axis]).toBeCloseTo(value, 5));
  });

  it('classifies features of 2048 dimensions alone', async () => {
    const weights = { weights: foldInceptionWeights(tensors, 'made up'), hash: 'x', official: false };
    const extractor = createInceptionExtractor(weights, { size: 8, channels: 3 });
    const probabilities = await extractor.classify(Float64Array.from(features['2048'].flat()), 2);
    for (const row of [0, 1]) {
      const sum = probabilities.subarray(row * 1008, (row + 1) * 1008).reduce((total, value) => total + value, 0);
      expect(sum).toBeCloseTo(1, 5);
    }
    await expect(extractor.classify(new Float64Array(64), 1)).rejects.toMatchObject({ code: 'FEATURES_SHAPE' });
  });
});
