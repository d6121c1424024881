import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../../contract/config.js';
import { SOFTWARE_VERSION } from '../../contract/version.js';
import { evaluateSamples, type SampleEvaluation } from '../../evaluation/evaluateSamples.js';
import type { ClassifyingExtractor, FeatureExtractor } from '../../evaluation/featureExtractor.js';
import { imageSimilarity, type ImageSimilarity } from '../../evaluation/imageSimilarity.js';
import type { Protocol } from '../../evaluation/protocol.js';
import type { ReferenceFeatures } from '../../evaluation/referenceFeatures.js';
import { writeFileAtomic, writeJsonAtomic } from '../../project/atomicFile.js';
import type { EvaluatedModel, EvaluationResult } from '../evaluationResult.js';
import { openModel } from '../models.js';
import { ProgressMeter } from '../progressMeter.js';
import { sampleGrid } from '../sampleGrid.js';
import { chooseSamplingBatch } from '../samplingBatch.js';
import { drawShards, readShards } from '../sampleShards.js';
import type { Stage, StageContext } from '../stage.js';
import { tabulateLosses, timestepLosses, TIMESTEP_LOSS_IMAGES } from '../timestepLosses.js';
import { openFeatures, openReference } from './featureStage.js';

type ModelRow = EvaluationResult['rows'][number];
type SeedResult = ModelRow['perSeed'][number];

/** Images of each model shown side by side in the report. */
const SHOWN_IMAGES = 32;

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
    async run(given) {
      await mkdir(given.folder, { recursive: true });
      const context = await withSamplingBatch(given);
      const { samples, seeds } = config.evaluation;
      const extractor = await openFeatures(context.store, context.data.train, config.evaluation);
      const reference = await openReference(context.store, extractor, context.data.train, context.signal);
      const images = models.length * seeds.length * samples;
      const progress = new ProgressMeter(context.emit, context.stageId, 'image', images);
      const rows: ModelRow[] = [];
      const protocols: Protocol[] = [];
      const losses: number[][] = [];
      let macs = 0;
      for (const [position, name] of models.entries()) {
        const before = position * seeds.length * samples;
        const { row, protocol } = await evaluateModel(context, name, { extractor, reference }, (done) =>
          progress.report(before + done),
        );
        rows.push(row);
        protocols.push(protocol);
        losses.push(await timestepLosses(context, name));
        macs += (samples * seeds.length * steps + TIMESTEP_LOSS_IMAGES) * row.macsRatio * context.design.baseMacs;
      }
      const lossByTimestep = tabulateLosses(losses, config.diffusion.timesteps);
      const result: EvaluationResult = { rows, lossByTimestep, protocol: { ...protocols[0], seeds: [...seeds] } };
      await writeJsonAtomic(join(context.folder, 'evaluation.json'), result);
      return { evaluation: macs };
    },
  };
}

/** The stage's surroundings with the batch that its samples are drawn in. */
async function withSamplingBatch(context: StageContext): Promise<StageContext> {
  const { config, design, store } = context;
  const { samples, seeds } = config.evaluation;
  const openBase = async () => (await openModel('base', design, store)).denoiser;
  const batch = await chooseSamplingBatch(context, openBase, samples * seeds.length);
  return { ...context, config: { ...config, sampling: { ...config.sampling, batch } } };
}

/** One model with all seeds: images drawn, kept, measured; one shard of them is in memory at a time. */
async function evaluateModel(
  context: StageContext,
  name: EvaluatedModel,
  measure: { readonly extractor: FeatureExtractor | ClassifyingExtractor; readonly reference: ReferenceFeatures },
  onProgress: (imagesDone: number) => void,
): Promise<{ row: ModelRow; protocol: Protocol }> {
  const { sampling, evaluation } = context.config;
  const { samples, seeds, metrics } = evaluation;
  const model = await openModel(name, context.design, context.store, (message) =>
    context.emit({ type: 'log', level: 'info', message }),
  );
  try {
    const grid = await sampleGrid(context, model.denoiser, { count: SHOWN_IMAGES });
    await writeFileAtomic(join(context.folder, `${name}.png`), grid);
    const perSeed: SeedResult[] = [];
    const protocols: Protocol[] = [];
    let seconds = 0;
    for (const [turn, seed] of seeds.entries()) {
      const shards = drawShards(context, name, model, seed, (done) => onProgress(turn * samples + done));
      const images = async function* () {
        for await (const shard of shards) {
          seconds += shard.seconds;
          yield shard.images;
        }
      };
      const measured = await evaluateSamples({
        ...measure,
        shards: images(),
        metrics,
        signal: context.signal,
        context: {
          sampling,
          visited: context.design.visited,
          seed,
          weights: 'ema',
          software: `StepAdapt Studio ${SOFTWARE_VERSION}, ${context.engine.version} on ${context.engine.device}`,
        },
      });
      const similarity = metrics.includes('similarity') && name !== 'base' ? await likeness(context, name, seed) : null;
      perSeed.push(seedResult(seed, measured, similarity));
      protocols.push(measured.protocol);
    }
    const { macsRatio, parameters } = model;
    const secondsPerImage = seconds / (samples * seeds.length);
    return { row: { model: name, macsRatio, parameters, secondsPerImage, perSeed }, protocol: protocols[0] };
  } finally {
    model.denoiser.dispose();
  }
}

function seedResult(seed: number, measured: SampleEvaluation, similarity: SeedResult['similarity'] | null): SeedResult {
  const { fd, kid, precisionRecall, inceptionScore, extrapolated } = measured;
  return {
    seed,
    fd,
    kid: { mean: kid.mean, std: kid.std },
    ...(precisionRecall && { precision: precisionRecall.precision, recall: precisionRecall.recall }),
    ...(inceptionScore && { inceptionScore: { mean: inceptionScore.mean, std: inceptionScore.std } }),
    ...(extrapolated && { extrapolated: extrapolated.value }),
    ...(similarity && { similarity }),
  };
}

/** How alike a model's images are to the base's from the same noises, over all shards. */
async function likeness(
  context: StageContext,
  name: EvaluatedModel,
  seed: number,
): Promise<NonNullable<SeedResult['similarity']>> {
  const base = readShards(context, 'base', seed);
  const shards: ImageSimilarity[] = [];
  for await (const images of readShards(context, name, seed)) {
    const { value } = await base.next();
    shards.push(imageSimilarity(value as Float32Array, images, context.config.data));
  }
  const pairs = shards.reduce((sum, shard) => sum + shard.pairs, 0);
  const mean = (value: (shard: ImageSimilarity) => number) =>
    shards.reduce((sum, shard) => sum + shard.pairs * value(shard), 0) / pairs;
  return {
    ssim: mean(({ ssim }) => ssim),
    absoluteError: mean(({ absoluteError }) => absoluteError),
    rootMeanSquare: Math.sqrt(mean(({ rootMeanSquare }) => rootMeanSquare ** 2)),
  };
}
