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
import { FEATURE_DIMENSIONS } from '../../evaluation/inception/architecture.js';
import { kernelLabel } from '../../evaluation/protocol.js';
import { describeSetProtocol, setProtocolEntries, type SetProtocol } from '../../evaluation/setProtocol.js';
import { encodeStatistics } from '../../evaluation/statisticsFile.js';
import { openImageSet, type ImageSource, type SavedStatistics } from '../../formats/imageSets.js';
import { writeFileAtomic } from '../../project/atomicFile.js';
import { ProgressMeter } from '../../pipeline/progressMeter.js';
import type { Engine, EngineId } from '../../tensor/engine.js';
import { openEngine } from '../../tensor/openEngine.js';
import { badOption, countOption } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { requireNewStatistics } from '../outputPath.js';
import { openProgressView } from '../progressView.js';
import { FEATURES_HELP, openChosenFeatures, type FeatureChoice } from '../setFeatures.js';
import { stopOnInterrupt } from '../stopSignal.js';

interface FidOptions extends OutputOptions, FeatureChoice {
  readonly metrics: readonly SetMetric[];
  readonly seed: number;
  readonly saveStats?: boolean;
  readonly device?: string;
  readonly engine: 'auto' | EngineId;
}

type OpenSet = ImageSource | SavedStatistics;

export function registerFidCommand(program: Command): void {
  program
    .command('fid')
    .argument('<images>', 'generated: folder of images, npz images (arr_0, uint8 NHWC) or npz statistics (mu, sigma)')
    .argument('[reference]', 'what they are compared with, of the same kinds; with --save-stats the npz file to write')
    .description('distances between two sets of images; takes the options of the pytorch-fid command')
    .option('--features <which>', FEATURES_HELP, 'inception')
    .option('--dims <n>', `size of Inception features: ${FEATURE_DIMENSIONS.join(', ')}`, countOption('dims', 1), 2048)
    .option('--metrics <list>', `any of ${SET_METRICS.join(',')}`, parseMetrics, ['fid'] as SetMetric[])
    .option('--seed <n>', "seed of the kernel distance's subsets", countOption('seed', 0), 0)
    .option('--save-stats', 'write mu and sigma of <images> to the second path instead of comparing')
    .option('--batch-size <n>', 'images that go through the network at a time', countOption('batch-size', 1))
    .option('--device <name>', 'refuse to start unless the engine computes there: cpu, cuda or cuda:N')
    .addOption(new Option('--num-workers <n>', 'accepted for pytorch-fid; images are read beside the computing anyway'))
    .option('--download', 'fetch the Inception weights (95 MB) if they are not on this machine')
    .addOption(new Option('--engine <id>', 'tensor engine').choices(['auto', 'native', 'wasm']).default('auto'))
    .option('--json', 'print JSON')
    .action(async (first: string, second: string | undefined, options: FidOptions) => {
      if (second === undefined) {
        throw inputError('BAD_USAGE', 'one path was given', 'give a second set, or --save-stats and the file to write');
      }
      const target = options.saveStats === true ? second : null;
      if (target !== null) await requireNewStatistics(target);
      const sets = await Promise.all((target === null ? [first, second] : [first]).map(openImageSet));
      const engine = await openEngine(options.engine);
      requireDevice(options.device, engine);
      const view = openProgressView({ json: false });
      const stop = stopOnInterrupt();
      try {
        const extractor = await extractorFor(sets, options, stop.signal);
        const measured: MeasuredSet[] = [];
        for (const set of sets) {
          const emit = options.json === true ? () => undefined : view.emit;
          measured.push(await measure(set, sets, extractor, options, emit, stop.signal));
        }
        if (target !== null) await writeFileAtomic(target, encodeStatistics(measured[0].moments));
        const kernelSeed = options.seed;
        const comparison =
          target === null
            ? await compareSets(measured[0], measured[1], options.metrics, { kernelSeed, signal: stop.signal })
            : {};
        const protocol = describeSetProtocol({
          extractor,
          sets: measured,
          comparison,
          kernelSeed,
          software: `StepAdapt Studio ${SOFTWARE_VERSION}, ${engine.version} on ${engine.device}`,
        });
        const { precisionRecall, ...rest } = comparison;
        const result = {
          ...rest,
          ...(precisionRecall && { precision: precisionRecall.precision, recall: precisionRecall.recall }),
          ...(target !== null && { statistics: target }),
          protocol,
        };
        view.close();
        printResult(options, result, () => describe(result));
        // Beside the result, not in it: a script that reads pytorch-fid's one line reads the same line here.
        if (options.json !== true) process.stderr.write(`\n${card(protocol)}\n`);
      } finally {
        view.close();
        stop.restore();
      }
    });
}

function parseMetrics(text: string): SetMetric[] {
  const metrics = text.split(',').map((name) => name.trim());
  const unknown = metrics.find((name) => !SET_METRICS.some((metric) => metric === name));
  if (unknown !== undefined) throw badOption('metrics', `"${unknown}" is none of ${SET_METRICS.join(', ')}`);
  return metrics as SetMetric[];
}

/** The engine decides by itself where it computes, so a device that was asked for is checked rather than chosen. */
function requireDevice(device: string | undefined, engine: Engine): void {
  if (device === undefined) return;
  if (!/^(cpu|cuda(:\d+)?)$/.test(device)) throw badOption('device', `"${device}" is none of cpu, cuda, cuda:N`);
  if ((device === 'cpu') === (engine.device === 'cpu')) return;
  throw badOption('device', `this engine computes on ${engine.device}, not on ${device}`);
}

/** The features to compare in; null when all sides are statistics, which were computed already. */
async function extractorFor(
  sets: readonly OpenSet[],
  options: FidOptions,
  signal: AbortSignal,
): Promise<FeatureExtractor | null> {
  const images = sets.find((set) => set.kind === 'images');
  if (images === undefined) return null;
  const { height, width, channels } = images.first;
  return openChosenFeatures(options, { size: Math.min(height, width), channels }, signal);
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
    ...(options.batchSize !== undefined && { batch: options.batchSize }),
    onProgress: (done) => progress.report(done),
    signal,
  });
}

/** Dimensions of the first saved statistics: the others have to agree with them. */
function savedDimensions(sets: readonly OpenSet[]): number {
  return sets.find((set) => set.kind === 'statistics')?.dimensions ?? 0;
}

interface FidResult {
  readonly fid?: number;
  readonly kid?: { readonly mean: number; readonly std: number; readonly subsets: number; readonly subsetSize: number };
  readonly precision?: number;
  readonly recall?: number;
  readonly inceptionScore?: { readonly mean: number; readonly std: number };
  readonly statistics?: string;
  readonly protocol: SetProtocol;
}

/** One line a metric; that of the distance reads as pytorch-fid prints it. */
function describe(result: FidResult): string {
  const { fid, kid, precision, recall, inceptionScore: score, statistics, protocol } = result;
  return [
    ...(fid === undefined ? [] : [`${protocol.metric}:  ${fid}`]),
    ...(kid === undefined
      ? []
      : [
          `${kernelLabel(protocol.metric)}:  ${kid.mean} +- ${kid.std} over ${kid.subsets} subsets of ${kid.subsetSize}`,
        ]),
    ...(precision === undefined ? [] : [`precision:  ${precision}`, `recall:  ${recall}`]),
    ...(score === undefined ? [] : [`Inception Score:  ${score.mean} +- ${score.std}`]),
    ...(statistics === undefined ? [] : [`statistics:  ${statistics}`]),
  ].join('\n');
}

function card(protocol: SetProtocol): string {
  const entries = setProtocolEntries(protocol);
  const width = Math.max(...entries.map(([name]) => name.length));
  return ['protocol', ...entries.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join('\n');
}
