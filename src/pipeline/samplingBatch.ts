import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJsonAtomic } from '../project/atomicFile.js';
import type { Denoiser } from '../sampling/denoiser.js';
import { yieldToEventLoop } from '../tensor/yield.js';
import { exampleImages } from './exampleBatch.js';
import type { StageContext } from './stage.js';

/** `sampling-batch.json` in the stage's folder. */
const recordSchema = z.object({
  batch: z.number().int().min(1),
  /** The config's `sampling.batch`, the most that was tried. */
  most: z.number().int(),
  measured: z.array(z.object({ batch: z.number().int(), imagesPerSecond: z.number() })),
});

/** Batches that a stage must draw for the search to be worth its time. */
const WORTHWHILE_BATCHES = 100;
/** Tried sizes are the config's and these parts of it. */
const PARTS = [1, 2, 4];
const SMALLEST = 8;
/** How much faster a smaller batch must be to be taken: less is noise. */
const ADVANTAGE = 1.05;
const TIMED_CALLS = 3;

/**
 * How many images at a time a stage draws: the fastest of the config's batch, its half and its quarter, by a few timed
 * predictions of the base. The choice is written down when it is first made and holds for the stage from then on, so that a
 * run that goes on draws as it began. (Images were found not to depend on it; no library promises that.)
 *
 * @param images that the stage draws of each model
 */
export async function chooseSamplingBatch(
  context: StageContext,
  openBase: () => Promise<Denoiser>,
  images: number,
): Promise<number> {
  const { config, design, folder, emit } = context;
  const { batch: most, steps } = config.sampling;
  const path = join(folder, 'sampling-batch.json');
  const known = await readRecord(path);
  if (known?.most === most) return known.batch;
  if ((images * steps) / most < WORTHWHILE_BATCHES) return most;
  const measured: { batch: number; imagesPerSecond: number }[] = [];
  const base = await openBase();
  for (const part of PARTS) {
    const batch = Math.floor(most / part);
    if (part > 1 && batch < SMALLEST) break;
    const seconds = timeOf(base, exampleImages(design.spec, batch), batch, design.visited[0]);
    measured.push({ batch, imagesPerSecond: batch / seconds });
    await yieldToEventLoop();
  }
  base.dispose();
  const batch = fastest(measured);
  await writeJsonAtomic(path, { batch, most, measured });
  const speeds = measured.map((tried) => `${tried.batch}: ${tried.imagesPerSecond.toFixed(1)}`).join(', ');
  emit({
    type: 'log',
    level: 'info',
    message: `samples are drawn ${batch} at a time (images per second of one step by batch: ${speeds})`,
  });
  return batch;
}

/** The first, unless a later one is clearly faster. */
export function fastest(measured: readonly { readonly batch: number; readonly imagesPerSecond: number }[]): number {
  return measured.reduce((best, tried) => (tried.imagesPerSecond > ADVANTAGE * best.imagesPerSecond ? tried : best))
    .batch;
}

/** Seconds of the fastest of some calls, after one that records the network. */
function timeOf(denoiser: Denoiser, x: Float32Array, batch: number, timestep: number): number {
  let best = Infinity;
  for (let call = 0; call <= TIMED_CALLS; call++) {
    const started = performance.now();
    denoiser.predict(x, batch, timestep);
    if (call > 0) best = Math.min(best, performance.now() - started);
  }
  return best / 1000;
}

async function readRecord(path: string): Promise<z.output<typeof recordSchema> | null> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // Not there, or not whole: it is measured again.
    return null;
  }
}
