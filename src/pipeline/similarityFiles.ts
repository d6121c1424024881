import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, StepAdaptError } from '../contract/errors.js';
import { decodeNpz, encodeNpz, requireArray } from '../formats/npz.js';
import { interpolateSimilarity } from '../method/similarity.js';
import { writeFileAtomic } from '../project/atomicFile.js';
import type { StageStore } from './stageStore.js';

const MATRIX_FILE = 'similarity.npz';

/** Projected gradients that an unfinished similarity stage already has, one npz file each. */
export function openSketchRows(folder: string, dimensions: number) {
  const rows = join(folder, 'rows');
  const path = (step: number, timestep: number) => join(rows, `step${step}-t${timestep}.npz`);
  return {
    /** The row, or null when it is not there; `onDamage` hears of one that does not match its checksum. */
    async read(step: number, timestep: number, onDamage: (path: string) => void): Promise<Float64Array | null> {
      const file = path(step, timestep);
      try {
        const arrays = decodeNpz(await readFile(file), file);
        return requireArray(arrays, ['sketch'], { dtypes: ['<f8'], shape: [dimensions] }, file).data;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        if (!(error instanceof StepAdaptError)) throw error;
        onDamage(file);
        return null;
      }
    },
    write: (step: number, timestep: number, sketch: Float64Array): Promise<void> =>
      writeFileAtomic(
        path(step, timestep),
        encodeNpz({ sketch: { dtype: '<f8', shape: [sketch.length], data: sketch } }),
      ),
    /** Frees the disk once the matrix is written. */
    remove: (): Promise<void> => rm(rows, { recursive: true, force: true }),
    folder: rows,
  };
}

export interface SimilarityResult {
  /** Timesteps of the rows and columns, ascending, from 0 to T - 1. */
  readonly grid: readonly number[];
  /** (grid, grid) mean over the checkpoints. */
  readonly matrix: Float64Array;
  /** (grid, grid) of each checkpoint, oldest first. */
  readonly perCheckpoint: readonly Float64Array[];
  /** Updates of the base at each checkpoint. */
  readonly steps: readonly number[];
  /** What decided the numbers: seed, images, projection length. */
  readonly settings: { readonly seed: number; readonly images: number; readonly dimensions: number };
}

/** Writes `similarity.npz`, which numpy reads: grid, matrix, checkpoints, steps, seed, images, dimensions. */
export async function writeSimilarity(folder: string, result: SimilarityResult): Promise<void> {
  const { grid, matrix, perCheckpoint, steps, settings } = result;
  const points = grid.length;
  const integers = (values: readonly number[]) =>
    ({ dtype: '<i4', shape: [values.length], data: Int32Array.from(values) }) as const;
  const all = new Float64Array(perCheckpoint.length * points ** 2);
  perCheckpoint.forEach((values, index) => all.set(values, index * points ** 2));
  const bytes = encodeNpz({
    grid: integers(grid),
    matrix: { dtype: '<f8', shape: [points, points], data: matrix },
    checkpoints: { dtype: '<f8', shape: [perCheckpoint.length, points, points], data: all },
    steps: integers(steps),
    // Seeds reach beyond 2^31.
    seed: { dtype: '<f8', shape: [1], data: Float64Array.of(settings.seed) },
    images: integers([settings.images]),
    dimensions: integers([settings.dimensions]),
  });
  await writeFileAtomic(join(folder, MATRIX_FILE), bytes);
}

/**
 * The similarity of all timesteps, from a finished `similarity` stage.
 * @returns (T, T) row-major
 * @throws `SIMILARITY_DAMAGED` when its file is missing or does not match its checksum
 */
export async function readSimilarity(store: StageStore, timesteps: number): Promise<Float64Array> {
  const path = join(store.folder('similarity'), MATRIX_FILE);
  try {
    const arrays = decodeNpz(await readFile(path), path);
    const grid = requireArray(arrays, ['grid'], { dtypes: ['<i4'], shape: [null] }, path).data;
    const shape = [grid.length, grid.length];
    const matrix = requireArray(arrays, ['matrix'], { dtypes: ['<f8'], shape }, path).data;
    return interpolateSimilarity([...grid], matrix, timesteps);
  } catch (cause) {
    throw failure(
      'SIMILARITY_DAMAGED',
      `${path} is missing or damaged`,
      `remove the folder ${store.folder('similarity')} and run again`,
      { cause },
    );
  }
}
