import { mkdtemp, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import type { OpenModel } from '../../src/pipeline/models.js';
import { drawShards, readShards, SHARD_IMAGES } from '../../src/pipeline/sampleShards.js';
import type { StageContext } from '../../src/pipeline/stage.js';
import { parseConfig } from '../../src/project/project.js';
import { removeFolder } from '../removeFolder.js';

const SAMPLES = SHARD_IMAGES + 20;
const config = parseConfig({
  data: { source: 'shapes', size: 16 },
  model: { channels: 32 },
  sampling: { steps: 2, batch: 512 },
  evaluation: { samples: SAMPLES },
});
let folder: string;
let calls = 0;
const model = {
  denoiser: {
    predict: (x: Float32Array) => {
      calls += 1;
      return { noise: x.map((value) => value / 2) };
    },
    dispose: () => undefined,
  },
} as unknown as OpenModel;

beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'stepadapt-shards-'))));
afterAll(() => removeFolder(folder));

it('an evaluation killed after one shard draws only the others, and every image is the same', async () => {
  const context = {
    config,
    design: {
      schedule: noiseSchedule(config.diffusion),
      visited: Int32Array.of(500, 0),
      groups: [
        { from: 0, to: 400 },
        { from: 400, to: 450 },
        { from: 450, to: 1000 },
      ],
    },
    folder,
    signal: new AbortController().signal,
  } as unknown as StageContext;
  const draw = () => drawShards(context, 'base', model, 0, () => undefined);

  const first = await draw().next();
  const path = join(folder, 'samples', 'base-seed0');
  expect(await readdir(path)).toEqual(['0000000.npz']);
  const written = (await stat(join(path, '0000000.npz'))).mtimeMs;

  calls = 0;
  const images: Float32Array[] = [];
  for await (const shard of draw()) images.push(shard.images);
  // One for each group that the sampler visits, and 20 images are one batch of two steps: the thousand before them came from disk.
  expect(calls).toBe(2 + 2);
  expect((await stat(join(path, '0000000.npz'))).mtimeMs).toBe(written);
  expect(images.map(({ length }) => length / (16 * 16 * 3))).toEqual([SHARD_IMAGES, 20]);
  expect(images[0]).toEqual((first.value as { images: Float32Array }).images);

  const kept: Float32Array[] = [];
  for await (const shard of readShards(context, 'base', 0)) kept.push(shard);
  expect(kept).toEqual(images);
});
