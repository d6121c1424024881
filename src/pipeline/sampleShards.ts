import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { EvaluationConfig } from '../contract/config.js';
import { decodeNpz, encodeNpz, requireArray } from '../formats/npz.js';
import { bytesFromImages, imagesFromBytes } from '../formats/pixels.js';
import { writeFileAtomic } from '../project/atomicFile.js';
import { sampleImages } from '../sampling/sampleImages.js';
import type { EvaluatedModel } from './evaluationResult.js';
import type { OpenModel } from './models.js';
import type { StageContext } from './stage.js';

/** Images of one file: an interruption loses at most as many, and as many are in memory at a time. */
export const SHARD_IMAGES = 1000;

export interface SampleShard {
  /** (images, size, size, channels) in [-1, 1], rounded to bytes as anyone would save them. */
  readonly images: Float32Array;
  /** What drawing them took. */
  readonly seconds: number;
}

/** Folder of a model's images from one seed: npz files that `stepadapt fid` takes together. */
function shardFolder(context: StageContext, model: EvaluatedModel, seed: number): string {
  return join(context.folder, 'samples', `${model}-seed${seed}`);
}

/**
 * Images of one model and seed, shard by shard. Finished shards are kept on disk and read back, so an interrupted evaluation
 * draws none of them again. Every image depends on its number and the seed alone, so the cut into shards changes none.
 */
export async function* drawShards(
  context: StageContext,
  name: EvaluatedModel,
  model: OpenModel,
  seed: number,
  onProgress: (imagesDone: number) => void,
): AsyncGenerator<SampleShard> {
  const { config, design } = context;
  const { samples } = config.evaluation;
  const { size, channels } = config.data;
  const folder = shardFolder(context, name, seed);
  await mkdir(folder, { recursive: true });
  let isWarm = false;
  for (let first = 0; first < samples; first += SHARD_IMAGES) {
    const count = Math.min(SHARD_IMAGES, samples - first);
    const path = shardPath(folder, first);
    const kept = await readShard(path, [count, size, size, channels]);
    if (kept !== null) {
      onProgress(first + count);
      yield kept;
      continue;
    }
    if (!isWarm) await warmUp(context, model, Math.min(config.sampling.batch, count));
    isWarm = true;
    const started = performance.now();
    const images = await sampleImages({
      denoiser: model.denoiser,
      schedule: design.schedule,
      sampling: config.sampling,
      count,
      firstImage: first,
      size,
      channels,
      seed,
      signal: context.signal,
      onProgress: (done) => onProgress(first + done),
    });
    const seconds = (performance.now() - started) / 1000;
    const bytes = bytesFromImages(images);
    await writeFileAtomic(
      path,
      encodeNpz({
        arr_0: { dtype: '|u1', shape: [count, size, size, channels], data: bytes },
        seconds: { dtype: '<f8', shape: [], data: Float64Array.of(seconds) },
      }),
    );
    yield { images: imagesFromBytes(bytes), seconds };
  }
}

/**
 * Lets the network of every group predict once. The first prediction records a network, once for any number of images, and five
 * experts would seem slower than one base where few images are drawn.
 */
async function warmUp({ config, design }: StageContext, { denoiser }: OpenModel, batch: number): Promise<void> {
  const { size, channels } = config.data;
  for (const { from, to } of design.groups) {
    const timestep = design.visited.find((visited) => visited >= from && visited < to);
    if (timestep === undefined) continue;
    await denoiser.prepare?.(timestep);
    denoiser.predict(new Float32Array(batch * size * size * channels), batch, timestep);
  }
}

/** The finished shards of a model and seed. */
export async function* readShards(
  context: StageContext,
  model: EvaluatedModel,
  seed: number,
): AsyncGenerator<Float32Array> {
  const { samples } = context.config.evaluation;
  const { size, channels } = context.config.data;
  const folder = shardFolder(context, model, seed);
  for (let first = 0; first < samples; first += SHARD_IMAGES) {
    const shape = [Math.min(SHARD_IMAGES, samples - first), size, size, channels];
    const shard = await readShard(shardPath(folder, first), shape);
    if (shard !== null) yield shard.images;
  }
}

/** Images of all models and seeds that finished shards of an evaluation's folder hold. */
export async function countKeptImages(folder: string, { samples, seeds }: EvaluationConfig): Promise<number> {
  let images = 0;
  for (const model of ['base', 'uniform', 'adaptive']) {
    for (const seed of seeds) {
      const names = new Set(await readdir(join(folder, 'samples', `${model}-seed${seed}`)).catch(() => []));
      for (let first = 0; first < samples; first += SHARD_IMAGES) {
        if (names.has(basename(shardPath('', first)))) images += Math.min(SHARD_IMAGES, samples - first);
      }
    }
  }
  return images;
}

function shardPath(folder: string, firstImage: number): string {
  return join(folder, `${String(firstImage).padStart(7, '0')}.npz`);
}

/** A finished shard; null when there is none. */
async function readShard(path: string, shape: readonly number[]): Promise<SampleShard | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const arrays = decodeNpz(bytes, path);
  const { data } = requireArray(arrays, ['arr_0'], { dtypes: ['|u1'], shape }, path);
  const seconds = requireArray(arrays, ['seconds'], { dtypes: ['<f8'], shape: [] }, path);
  return { images: imagesFromBytes(data), seconds: seconds.data[0] };
}
