import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { encodeImageGrid } from '../formats/imageGrid.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { writeFileAtomic } from '../project/atomicFile.js';
import type { Denoiser } from '../sampling/denoiser.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import { sampleImages } from '../sampling/sampleImages.js';
import type { StageContext } from './stage.js';

/** Images of a sample grid, always from the same noise, so that grids can be compared across steps and models. */
const GRID_IMAGES = 16;
const GRID_COLUMNS = 8;
/** Pixels of a grid image's side are multiplied until about this size, so that small images can be seen. */
const SHOWN_SIZE = 64;

/** Samples a fixed set of noises with these weights and writes them as one PNG. */
export async function writeSampleGrid(
  context: StageContext,
  grid: { spec: UNetSpec; weights: Weights; path: string },
): Promise<void> {
  const warn = (message: string) => context.emit({ type: 'log', level: 'warn', message });
  const denoiser = createNetworkDenoiser(grid.spec, grid.weights, context.design.objective, warn);
  try {
    await mkdir(dirname(grid.path), { recursive: true });
    await writeFileAtomic(grid.path, await sampleGrid(context, denoiser));
  } finally {
    denoiser.dispose();
  }
}

/** The fixed noises, or those of another seed, through any denoiser, as a PNG. */
export async function sampleGrid(
  context: Pick<StageContext, 'config' | 'design' | 'signal'>,
  denoiser: Denoiser,
  { count = GRID_IMAGES, seed = context.config.seed }: { readonly count?: number; readonly seed?: number } = {},
): Promise<Buffer> {
  const { size, channels } = context.config.data;
  const images = await sampleImages({
    denoiser,
    schedule: context.design.schedule,
    sampling: context.config.sampling,
    count,
    size,
    channels,
    seed,
    signal: context.signal,
  });
  const scale = Math.max(1, Math.round(SHOWN_SIZE / size));
  return encodeImageGrid(images, { count, size, channels }, { columns: GRID_COLUMNS, scale });
}
