import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ExperimentConfig } from '../../contract/config.js';
import { SOFTWARE_VERSION } from '../../contract/version.js';
import { evaluateSamples } from '../../evaluation/evaluateSamples.js';
import type { Protocol } from '../../evaluation/protocol.js';
import { referenceFeatures } from '../../evaluation/referenceFeatures.js';
import { decodeNpz, encodeNpz, requireArray } from '../../formats/npz.js';
import { bytesFromImages, imagesFromBytes } from '../../formats/pixels.js';
import { writeFileAtomic, writeJsonAtomic } from '../../project/atomicFile.js';
import { sampleImages } from '../../sampling/sampleImages.js';
import type { EvaluatedModel, EvaluationResult } from '../evaluationResult.js';
import { openModel, type OpenModel } from '../models.js';
import { ProgressMeter } from '../progressMeter.js';
import { sampleGrid } from '../sampleGrid.js';
import type { Stage, StageContext } from '../stage.js';
import { openFeatures } from './featureStage.js';

const timingSchema = z.object({ seconds: z.number() });

/** Samples every model from the same noises and measures its distance to the training images. */
export function evaluationStage(config: ExperimentConfig): Stage {
  const models: readonly EvaluatedModel[] = config.evaluation.uniformBaseline
    ? ['base', 'uniform', 'adaptive']
    : ['base', 'adaptive'];
  const experts = Array.from({ length: config.grouping.groups }, (_, index) => `experts/${index}`);
  const { method, steps, grid, eta, variance, clip } = config.sampling;
  return {
    id: 'evaluation',
    after: ['base', 'features', ...experts, ...(config.evaluation.uniformBaseline ? ['uniform'] : [])],
    inputs: { sampling: { method, steps, grid, eta, variance, clip }, evaluation: config.evaluation },
    async run(context) {
      await mkdir(join(context.folder, 'samples'), { recursive: true });
      const { samples, seeds } = config.evaluation;
      const extractor = await openFeatures(context.store, context.data.train);
      const reference = await referenceFeatures(extractor, context.data.train, { signal: context.signal });
      const progress = new ProgressMeter(
        context.emit,
        context.stageId,
        'image',
        models.length * seeds.length * samples,
      );
      const rows: EvaluationResult['rows'] = [];
      const protocols: Protocol[] = [];
      let macs = 0;
      for (const [position, name] of models.entries()) {
        const model = await openModel(name, context.design, context.store);
        try {
          const grid = await sampleGrid(context, model.denoiser, SHOWN_IMAGES);
          await writeFileAtomic(join(context.folder, `${name}.png`), grid);
          const perSeed: EvaluationResult['rows'][number]['perSeed'] = [];
          let seconds = 0;
          for (const [turn, seed] of seeds.entries()) {
            const before = (position * seeds.length + turn) * samples;
            const drawn = await drawSamples(context, name, model, seed, (done) => progress.report(before + done));
            seconds += drawn.seconds;
            const { fd, kid, protocol } = await evaluateSamples({
              extractor,
              reference,
              images: drawn.images,
              count: samples,
              signal: context.signal,
              context: {
                sampling: config.sampling,
                visited: context.design.visited,
                seed,
                weights: 'ema',
                software: `StepAdapt Studio ${SOFTWARE_VERSION}, ${context.engine.version} on ${context.engine.device}`,
              },
            });
            perSeed.push({ seed, fd, kid: { mean: kid.mean, std: kid.std } });
            protocols.push(protocol);
          }
          macs += samples * seeds.length * steps * model.macsRatio * context.design.baseMacs;
          const { macsRatio, parameters } = model;
          rows.push({
            model: name,
            macsRatio,
            parameters,
            secondsPerImage: seconds / (samples * seeds.length),
            perSeed,
          });
        } finally {
          model.denoiser.dispose();
        }
      }
      const result: EvaluationResult = { rows, protocol: { ...protocols[0], seeds: [...seeds] } };
      await writeJsonAtomic(join(context.folder, 'evaluation.json'), result);
      return { evaluation: macs };
    },
  };
}

/** Images of each model shown side by side in the report. */
const SHOWN_IMAGES = 32;

/** Images of one model and seed as bytes, as anyone would save them; kept on disk, so an interrupted evaluation repeats none. */
async function drawSamples(
  context: StageContext,
  name: EvaluatedModel,
  model: OpenModel,
  seed: number,
  onProgress: (imagesDone: number) => void,
): Promise<{ images: Float32Array; seconds: number }> {
  const { config, design } = context;
  const { samples } = config.evaluation;
  const { size, channels } = config.data;
  const path = join(context.folder, 'samples', `${name}-seed${seed}.npz`);
  const timingPath = join(context.folder, 'samples', `${name}-seed${seed}.json`);
  const shape = [samples, size, size, channels];
  const kept = await readIfPresent(timingPath);
  if (kept !== null) {
    const arrays = decodeNpz(await readFile(path), path);
    const array = requireArray(arrays, ['arr_0'], { dtypes: ['|u1'], shape }, path);
    onProgress(samples);
    return { images: imagesFromBytes(array.data), seconds: timingSchema.parse(JSON.parse(kept.toString())).seconds };
  }
  const started = performance.now();
  const images = await sampleImages({
    denoiser: model.denoiser,
    schedule: design.schedule,
    sampling: config.sampling,
    count: samples,
    size,
    channels,
    seed,
    signal: context.signal,
    onProgress: (done) => onProgress(done),
  });
  const seconds = (performance.now() - started) / 1000;
  const bytes = bytesFromImages(images);
  await writeFileAtomic(path, encodeNpz({ arr_0: { dtype: '|u1', shape, data: bytes } }));
  await writeJsonAtomic(timingPath, { seconds });
  return { images: imagesFromBytes(bytes), seconds };
}

async function readIfPresent(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
