import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { inputError } from '../../contract/errors.js';
import { SOFTWARE_VERSION } from '../../contract/version.js';
import {
  compareSets,
  measuredStatistics,
  measureSet,
  SET_METRICS,
  type MeasuredSet,
  type SetMetric,
} from '../../evaluation/compareSets.js';
import type { FeatureExtractor } from '../../evaluation/featureExtractor.js';
import { readFeatureNetwork } from '../../evaluation/featureNetwork.js';
import { FEATURE_DIMENSIONS, type InceptionDimensions } from '../../evaluation/inception/architecture.js';
import { createInceptionExtractor } from '../../evaluation/inception/extractor.js';
import {
  downloadInceptionWeights,
  findInceptionFile,
  loadInceptionWeights,
} from '../../evaluation/inception/weights.js';
import { randomProjection } from '../../evaluation/randomProjection.js';
import { openImageSet, type ImageSource, type SavedStatistics } from '../../formats/imageSets.js';
import { encodeNpz } from '../../formats/npz.js';
import { writeFileAtomic } from '../../project/atomicFile.js';
import { ProgressMeter } from '../../pipeline/progressMeter.js';
import type { EngineId } from '../../tensor/engine.js';
import { openEngine } from '../../tensor/openEngine.js';
import { countOption } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { openProgressView } from '../progressView.js';
import { stopOnInterrupt } from '../stopSignal.js';
import { formatTable } from '../table.js';

interface FidOptions extends OutputOptions {
  readonly features: string;
  readonly dims: number;
  readonly metrics: readonly SetMetric[];
  readonly seed: number;
  readonly saveStats?: string;
  readonly download?: boolean;
  readonly engine: 'auto' | EngineId;
}

type OpenSet = ImageSource | SavedStatistics;

export function registerFidCommand(program: Command): void {
  program
    .command('fid')
    .argument('<images>', 'generated: folder of images, npz images (arr_0, uint8 NHWC) or npz statistics (mu, sigma)')
    .argument('[reference]', 'what they are compared with, of the same kinds')
    .description('distances between two sets of images')
    .option(
      '--features <which>',
      'inception, inception:FILE, random-projection, or a project folder or its features.safetensors',
      'inception',
    )
    .option('--dims <n>', `size of Inception features: ${FEATURE_DIMENSIONS.join(', ')}`, countOption('dims', 1), 2048)
    .option('--metrics <list>', `any of ${SET_METRICS.join(',')}`, parseMetrics, ['fid'] as SetMetric[])
    .option('--seed <n>', "seed of the kernel distance's subsets", countOption('seed', 0), 0)
    .option('--save-stats <file>', 'npz that gets mu and sigma of the first set; the second may be left out')
    .option('--download', 'fetch the Inception weights (95 MB) if they are not on this machine')
    .addOption(new Option('--engine <id>', 'tensor engine').choices(['auto', 'native', 'wasm']).default('auto'))
    .option('--json', 'print JSON')
    .action(async (first: string, second: string | undefined, options: FidOptions) => {
      if (second === undefined && options.saveStats === undefined) {
        throw inputError('BAD_USAGE', 'one set of images was given', 'give a second one, or --save-stats FILE');
      }
      const sets = await Promise.all([first, ...(second === undefined ? [] : [second])].map(openImageSet));
      const engine = await openEngine(options.engine);
      const view = openProgressView({ json: false });
      const stop = stopOnInterrupt();
      try {
        const extractor = await openExtractor(sets, options, stop.signal);
        const measured: MeasuredSet[] = [];
        for (const set of sets) {
          const emit = options.json === true ? () => undefined : view.emit;
          measured.push(await measure(set, sets, extractor, options, emit, stop.signal));
        }
        const [generated, reference] = measured;
        if (options.saveStats !== undefined) await saveStatistics(options.saveStats, generated);
        const comparison =
          reference === undefined
            ? {}
            : await compareSets(generated, reference, options.metrics, {
                kernelSeed: options.seed,
                signal: stop.signal,
              });
        const { precisionRecall, ...rest } = comparison;
        const protocol = {
          metric: extractor?.label ?? `FD (saved statistics, ${generated.moments.dimensions} dimensions)`,
          features: extractor && { id: extractor.id, hash: extractor.hash, dimensions: extractor.dimensions },
          sets: measured.map(({ path, count }) => ({ path, images: count })),
          resize: resizeRule(extractor),
          covariance: 'n - 1',
          ...(comparison.kid && { kernel: { formula: '(x.y / d + 1)^3', seed: options.seed } }),
          ...(precisionRecall && { neighbours: precisionRecall.neighbours }),
          software: `StepAdapt Studio ${SOFTWARE_VERSION}, ${engine.version} on ${engine.device}`,
        };
        const result = {
          ...rest,
          ...(precisionRecall && { precision: precisionRecall.precision, recall: precisionRecall.recall }),
          ...(options.saveStats !== undefined && { statistics: options.saveStats }),
          protocol,
        };
        printResult(options, result, () => describe(result, options));
      } finally {
        view.close();
        stop.restore();
      }
    });
}

function parseMetrics(text: string): SetMetric[] {
  const metrics = text.split(',').map((name) => name.trim());
  const unknown = metrics.find((name) => !SET_METRICS.some((metric) => metric === name));
  if (unknown !== undefined) {
    throw inputError(
      'BAD_OPTION',
      `--metrics: "${unknown}" is none of ${SET_METRICS.join(', ')}`,
      'separate by commas',
    );
  }
  return metrics as SetMetric[];
}

/** The features to compare in; null when both sides are statistics, which were computed already. */
async function openExtractor(
  sets: readonly OpenSet[],
  options: FidOptions,
  signal: AbortSignal,
): Promise<FeatureExtractor | null> {
  const images = sets.find((set) => set.kind === 'images');
  if (images === undefined) return null;
  const { height, width, channels } = images.first;
  const image = { size: Math.min(height, width), channels };
  const [kind, ...rest] = options.features.split(':');
  if (kind === 'inception') {
    const dimensions = FEATURE_DIMENSIONS.find((size) => size === options.dims);
    if (dimensions === undefined) {
      throw inputError(
        'BAD_OPTION',
        `--dims: Inception features have ${FEATURE_DIMENSIONS.join(', ')} dimensions, not ${options.dims}`,
        'FID is defined at 2048',
      );
    }
    return openInception(rest.length > 0 ? rest.join(':') : null, image, dimensions, options, signal);
  }
  if (options.features === 'random-projection') return randomProjection(image);
  const isFolder = (await stat(options.features).catch(() => null))?.isDirectory() === true;
  return readFeatureNetwork(
    isFolder ? join(options.features, 'stages', 'features', 'features.safetensors') : options.features,
  );
}

async function openInception(
  path: string | null,
  image: { size: number; channels: number },
  dimensions: InceptionDimensions,
  options: FidOptions,
  signal: AbortSignal,
): Promise<FeatureExtractor> {
  if (path === null && options.download === true && (await findInceptionFile(null)) === null) {
    const view = openProgressView({ json: false });
    try {
      let progress: ProgressMeter | null = null;
      await downloadInceptionWeights({
        signal,
        onProgress: ({ done, total }) => {
          progress ??= new ProgressMeter(view.emit, 'Inception weights', 'byte', total ?? done);
          progress.report(done);
        },
      });
    } finally {
      view.close();
    }
  }
  return createInceptionExtractor(await loadInceptionWeights(path), image, dimensions);
}

async function measure(
  set: OpenSet,
  sets: readonly OpenSet[],
  extractor: FeatureExtractor | null,
  options: FidOptions,
  emit: ConstructorParameters<typeof ProgressMeter>[0],
  signal: AbortSignal,
): Promise<MeasuredSet> {
  if (set.kind === 'statistics') return measuredStatistics(set, extractor?.dimensions ?? savedDimensions(sets));
  const progress = new ProgressMeter(emit, set.path, 'image', set.count);
  return measureSet(set, extractor!, {
    keepFeatures: options.metrics.includes('kid') || options.metrics.includes('prdc'),
    classify: options.metrics.includes('is') && set === sets[0],
    onProgress: (done) => progress.report(done),
    signal,
  });
}

/** Dimensions of the first saved statistics: the others have to agree with them. */
function savedDimensions(sets: readonly OpenSet[]): number {
  return sets.find((set) => set.kind === 'statistics')?.dimensions ?? 0;
}

async function saveStatistics(path: string, { moments }: MeasuredSet): Promise<void> {
  const { dimensions, mean, covariance } = moments;
  await writeFileAtomic(
    path,
    encodeNpz({
      mu: { dtype: '<f8', shape: [dimensions], data: mean },
      sigma: { dtype: '<f8', shape: [dimensions, dimensions], data: covariance },
    }),
  );
}

function resizeRule(extractor: FeatureExtractor | null): string {
  if (extractor === null) return 'unknown: saved statistics';
  if ('extractAny' in extractor) return extractor.resize;
  return `npz: none; folders: centre crop to a square, Lanczos to ${extractor.size} x ${extractor.size}`;
}

interface FidResult {
  readonly fid?: number;
  readonly kid?: { readonly mean: number; readonly std: number };
  readonly precision?: number;
  readonly recall?: number;
  readonly inceptionScore?: { readonly mean: number; readonly std: number };
  readonly statistics?: string;
  readonly protocol: { readonly metric: string };
}

function describe(result: FidResult, options: FidOptions): string {
  const { fid, kid, precision, recall, inceptionScore: score } = result;
  const rows = [
    ...(fid === undefined ? [] : [[result.protocol.metric, fid.toFixed(4)]]),
    ...(kid === undefined
      ? []
      : [['kernel distance x 1000', `${(1000 * kid.mean).toFixed(4)} +- ${(1000 * kid.std).toFixed(4)}`]]),
    ...(precision === undefined ? [] : [['precision, recall', `${precision.toFixed(4)}, ${recall!.toFixed(4)}`]]),
    ...(score === undefined ? [] : [['Inception Score', `${score.mean.toFixed(4)} +- ${score.std.toFixed(4)}`]]),
    ...(options.saveStats === undefined ? [] : [['statistics', options.saveStats]]),
  ];
  return formatTable(['metric', 'value'], rows);
}
