import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { ExperimentConfig } from '../../contract/config.js';
import { inputError } from '../../contract/errors.js';
import { noiseSchedule } from '../../diffusion/noiseSchedule.js';
import { trainingObjective } from '../../diffusion/objective.js';
import { emptyStatistics, mergeStatistics, momentsOf, statisticsOf } from '../../evaluation/gaussianStatistics.js';
import { encodeStatistics } from '../../evaluation/statisticsFile.js';
import { encodePng } from '../../formats/images.js';
import { encodeNpz } from '../../formats/npz.js';
import { bytesFromImages, imagesFromBytes } from '../../formats/pixels.js';
import { readModelFolder } from '../../model/diffusersFolder.js';
import { projectDesign } from '../../pipeline/projectDesign.js';
import { isBundle, openBundle, readBundle } from '../../pipeline/bundle.js';
import { openModel } from '../../pipeline/models.js';
import { ProgressMeter } from '../../pipeline/progressMeter.js';
import { SHARD_IMAGES } from '../../pipeline/sampleShards.js';
import { openKeptFeatures } from '../../pipeline/stages/featureStage.js';
import { StageStore } from '../../pipeline/stageStore.js';
import { writeFileAtomic } from '../../project/atomicFile.js';
import { openProject, type Project } from '../../project/project.js';
import type { Denoiser } from '../../sampling/denoiser.js';
import { createNetworkDenoiser } from '../../sampling/networkDenoiser.js';
import { sampleImages } from '../../sampling/sampleImages.js';
import { openEngine } from '../../tensor/openEngine.js';
import type { Work } from '../../tensor/parallelism.js';
import { badOption, countOption } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { requireFolderOf, requireNewStatistics } from '../outputPath.js';
import { openProgressView } from '../progressView.js';
import { stopOnInterrupt } from '../stopSignal.js';

interface SampleOptions extends OutputOptions {
  readonly model: string;
  readonly count: number;
  readonly seed: number;
  readonly out: string;
  readonly statistics?: boolean;
}

export function registerSampleCommand(program: Command): void {
  program
    .command('sample')
    .argument('<project>', 'project folder or .stepadapt file, or a bundle of experts')
    .description('draw images with the sampler of a project or bundle')
    .option('--model <name>', 'base, adaptive, uniform, or the path of a diffusers folder or a bundle', 'adaptive')
    .option('--count <n>', 'images', countOption('count', 1), 16)
    .option('--seed <n>', 'seed of the noises', countOption('seed', 0), 0)
    .requiredOption('--out <path>', 'X.npz (arr_0, uint8 NHWC) or a new folder for PNG files')
    .option('--statistics', "write mu and sigma of the images in the project's features to X.npz instead of the images")
    .option('--json', 'print JSON')
    .action(async (path: string, options: SampleOptions) => {
      await checkTarget(path, options);
      const view = openProgressView({ json: false });
      const { denoiser, config } = await openSource(path, options, (message) =>
        view.emit({ type: 'log', level: 'info', message }),
      );
      const stop = stopOnInterrupt();
      const progress = new ProgressMeter(
        options.json === true ? () => undefined : view.emit,
        'sample',
        'image',
        options.count,
      );
      try {
        const images = await sampleImages({
          denoiser,
          schedule: noiseSchedule(config.diffusion),
          sampling: config.sampling,
          count: options.count,
          size: config.data.size,
          channels: config.data.channels,
          seed: options.seed,
          signal: stop.signal,
          onProgress: (done) => progress.report(done),
        });
        const bytes = bytesFromImages(images);
        if (options.statistics === true) await saveStatistics(options.out, bytes, path, stop.signal);
        else await saveImages(options.out, bytes, options.count, config.data);
        printResult(
          options,
          { out: options.out, count: options.count },
          () => `${options.statistics === true ? 'statistics of ' : ''}${options.count} images in ${options.out}`,
        );
      } finally {
        view.close();
        stop.restore();
        denoiser.dispose();
      }
    });
}

/** What to sample with, and the settings that it is sampled by. */
async function openSource(
  path: string,
  { model, count }: Pick<SampleOptions, 'model' | 'count'>,
  log: (message: string) => void,
): Promise<{ denoiser: Denoiser; config: Pick<ExperimentConfig, 'data' | 'diffusion' | 'sampling'> }> {
  if (await isBundle(path)) {
    if (model !== 'adaptive') {
      throw inputError('BAD_USAGE', `a bundle holds experts, no model "${model}"`, 'leave out --model');
    }
    const bundle = await readBundle(path);
    await openEngine('auto', samplingWork(bundle.sampling, count));
    return { denoiser: await openBundle(path, bundle), config: bundle };
  }
  const project = await openProject(path);
  const { config } = project.file;
  await openEngine(config.engine, samplingWork(config.sampling, count));
  return { denoiser: await openDenoiser(project, model, log), config };
}

/** Sampling has no gradients. */
function samplingWork({ batch }: Pick<ExperimentConfig['sampling'], 'batch'>, count: number): Work {
  return { parameters: 0, images: Math.min(batch, count) };
}

async function openDenoiser(project: Project, model: string, log: (message: string) => void): Promise<Denoiser> {
  const { config } = project.file;
  if (model === 'base' || model === 'adaptive' || model === 'uniform') {
    const store = new StageStore(project);
    return (await openModel(model, await projectDesign(config, store), store, log)).denoiser;
  }
  if (await isBundle(model)) {
    const bundle = await readBundle(model);
    requireShape(model, bundle.data, config.data);
    return openBundle(model, bundle, config.diffusion);
  }
  const { spec, weights } = await readModelFolder(model);
  requireShape(model, { size: spec.size, channels: spec.inChannels }, config.data);
  return createNetworkDenoiser(spec, weights, trainingObjective(config));
}

interface ImageShape {
  readonly size: number;
  readonly channels: number;
}

function requireShape(model: string, own: ImageShape, wanted: ImageShape): void {
  if (own.size === wanted.size && own.channels === wanted.channels) return;
  const words = ({ size, channels }: ImageShape) => `${size} x ${size} x ${channels}`;
  throw inputError(
    'MODEL_MISMATCH',
    `${model} makes images of ${words(own)}, the project of ${words(wanted)}`,
    'choose a model trained on images of the same shape',
  );
}

/** Before anything is drawn: pictures of two drawings in one folder would be measured as one set. */
async function checkTarget(path: string, { out, statistics, count }: SampleOptions): Promise<void> {
  if (statistics === true && (!out.endsWith('.npz') || count < 2)) {
    throw badOption('statistics', 'needs --out X.npz and at least two images');
  }
  // A bundle has no features of its own.
  if (statistics === true) {
    await openProject(path);
    return requireNewStatistics(out);
  }
  if (out.endsWith('.npz')) return requireFolderOf(out);
  const [present] = await readdir(out).catch(() => []);
  if (present !== undefined) {
    throw inputError('FOLDER_NOT_EMPTY', `${out} already holds ${present}`, 'choose a new folder for the pictures');
  }
}

async function saveStatistics(out: string, bytes: Uint8Array, path: string, signal: AbortSignal): Promise<void> {
  const project = await openProject(path);
  const extractor = await openKeptFeatures(new StageStore(project), project.file.config);
  const { size, channels, dimensions } = extractor;
  const length = size * size * channels;
  let statistics = emptyStatistics(dimensions);
  for (let first = 0; first < bytes.length; first += SHARD_IMAGES * length) {
    const images = imagesFromBytes(bytes.subarray(first, first + SHARD_IMAGES * length));
    const features = await extractor.extract(images, images.length / length, signal);
    statistics = mergeStatistics(statistics, statisticsOf(features, dimensions));
  }
  await writeFileAtomic(out, encodeStatistics(momentsOf(statistics)));
}

async function saveImages(
  out: string,
  bytes: Uint8Array,
  count: number,
  { size, channels }: { size: number; channels: 1 | 3 },
): Promise<void> {
  if (out.endsWith('.npz')) {
    const array = { dtype: '|u1', shape: [count, size, size, channels], data: bytes } as const;
    await writeFileAtomic(out, encodeNpz({ arr_0: array }));
    return;
  }
  await mkdir(out, { recursive: true });
  const length = size * size * channels;
  for (let index = 0; index < count; index++) {
    const png = await encodePng(bytes.subarray(index * length, (index + 1) * length), {
      width: size,
      height: size,
      channels,
    });
    await writeFileAtomic(join(out, `${String(index).padStart(6, '0')}.png`), png);
  }
}
