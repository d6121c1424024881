import { mkdir } from 'node:fs/promises';
import type { ExperimentConfig } from '../../contract/config.js';
import { cosineMatrix, createGradientSketcher, meanMatrix, similarityGrid } from '../../method/similarity.js';
import { readCheckpoint } from '../../training/checkpoint.js';
import { listCheckpoints } from '../../training/checkpointFolders.js';
import { heldOutSet } from '../../training/heldOutLoss.js';
import { trainingMacs } from '../ledger.js';
import { ProgressMeter } from '../progressMeter.js';
import { openSketchRows, writeSimilarity } from '../similarityFiles.js';
import type { Stage, StageContext } from '../stage.js';

/**
 * Measures how alike the training gradients of timesteps are, at the kept checkpoints of the base: the evidence behind the
 * groupings by similarity. Every projected gradient is kept on disk until the matrix is written, so that an interrupted run
 * repeats none.
 */
export function similarityStage(config: ExperimentConfig): Stage {
  const { gradientPoints, gradientImages, gradientDimensions } = config.grouping;
  const { keepCheckpoints, checkpointEvery } = config.base;
  return {
    id: 'similarity',
    after: ['base'],
    inputs: { gradientPoints, gradientImages, gradientDimensions, checkpoints: { keepCheckpoints, checkpointEvery } },
    async run(context) {
      await mkdir(context.folder, { recursive: true });
      const grid = similarityGrid(config.diffusion.timesteps, gradientPoints);
      const folders = (await listCheckpoints(context.store.folder('base'))).reverse();
      const rows = openSketchRows(context.folder, gradientDimensions);
      await mkdir(rows.folder, { recursive: true });
      const progress = new ProgressMeter(context.emit, context.stageId, 'gradient', folders.length * grid.length);
      const perCheckpoint: Float64Array[] = [];
      const steps: number[] = [];
      for (const [turn, folder] of folders.entries()) {
        const { step, sketches } = await sketchesOf(context, folder, grid, rows, (done) =>
          progress.report(turn * grid.length + done),
        );
        steps.push(step);
        perCheckpoint.push(cosineMatrix(sketches));
      }
      await writeSimilarity(context.folder, {
        grid,
        matrix: meanMatrix(perCheckpoint),
        perCheckpoint,
        steps,
        settings: { seed: config.seed, images: gradientImages, dimensions: gradientDimensions },
      });
      await rows.remove();
      return {
        search: trainingMacs(folders.length * grid.length * gradientImages, context.design.baseMacs),
      };
    },
  };
}

/** The projected gradients of one checkpoint's averaged weights, the ones that experts start from, at every grid timestep. */
async function sketchesOf(
  context: StageContext,
  folder: string,
  grid: readonly number[],
  rows: ReturnType<typeof openSketchRows>,
  onRow: (done: number) => void,
): Promise<{ step: number; sketches: Float64Array[] }> {
  const { config, design, data, emit, signal } = context;
  const { gradientImages, gradientDimensions } = config.grouping;
  const { spec, state, meta } = await readCheckpoint(folder);
  const warn = (message: string) => emit({ type: 'log', level: 'warn', message });
  const sketcher = createGradientSketcher(spec, state.ema, { dimensions: gradientDimensions, seed: config.seed, warn });
  const sketches: Float64Array[] = [];
  const warnOfRow = (path: string) => warn(`${path} is damaged: that gradient is computed again`);
  try {
    for (const [index, timestep] of grid.entries()) {
      let sketch = await rows.read(meta.step, timestep, warnOfRow);
      if (sketch === null) {
        const batches = heldOutSet({
          heldOut: data.train,
          objective: design.objective,
          // One timestep: every row sees the same images with the same noises.
          from: timestep,
          to: timestep + 1,
          images: gradientImages,
          seed: config.seed,
        });
        sketch = await sketcher.sketch(batches, signal);
        await rows.write(meta.step, timestep, sketch);
      }
      sketches.push(sketch);
      onRow(index + 1);
    }
  } finally {
    sketcher.dispose();
  }
  return { step: meta.step, sketches };
}
