import type { Command } from 'commander';
import { Option } from 'commander';
import type { ExperimentConfig, Precision } from '../../contract/config.js';
import { openProject, parseConfig } from '../../project/project.js';
import { applySettings } from '../settings.js';
import { benchFeatures, benchSample, type BenchResult } from '../../pipeline/bench.js';
import { benchModels, type ModelsBenchResult } from '../../pipeline/benchModels.js';
import { benchTrain, type TrainBenchResult } from '../../pipeline/benchTrain.js';
import { openEngineFor } from '../../pipeline/openEngineFor.js';
import { listPresets, findPreset } from '../../pipeline/presets.js';
import type { Engine, EngineId } from '../../tensor/engine.js';
import { openEngine } from '../../tensor/openEngine.js';
import { countOption } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatTable } from '../table.js';
import { collect } from './new.js';

interface BenchOptions extends OutputOptions {
  readonly preset: string;
  readonly batch: number;
  readonly steps: number;
  readonly engine: 'auto' | EngineId;
  readonly precision?: Precision;
  readonly set: readonly string[];
}

export function registerBenchCommand(program: Command): void {
  const bench = program.command('bench').description('throughput and memory of this machine');
  presetOptions(bench.command('train'))
    .description('updates with all that belongs to them: where their time goes, and what lies beside the step')
    .action(async (options: BenchOptions) => {
      const config = benchConfig(options);
      const engine = await openEngineFor(withBatch(config, options.batch), options.engine);
      const result = { ...(await benchTrain(config, options, engine)), engine };
      printResult(options, result, () => `${describe(result)}\n\n${describeUpdate(result)}`);
    });
  presetOptions(bench.command('sample'))
    .argument(
      '[project]',
      'a finished project: its base and its experts draw in turns, with its own sampler and engine',
    )
    .description('forward passes as a sampler makes them')
    .action(async (path: string | undefined, options: BenchOptions) => {
      if (path !== undefined) {
        const result = await benchModels(await openProject(path), options, (message) => console.error(message));
        printResult(options, result, () => `${describe(result)}\n\n${describeModels(result)}`);
        return;
      }
      const config = benchConfig(options);
      const engine = await openEngineFor(withBatch(config, options.batch), options.engine);
      const result = { ...benchSample(config, options), engine };
      printResult(options, result, () => describe(result));
    });
  runOptions(bench.command('features'))
    .description('the Inception features of FID')
    .action(async (options: Pick<BenchOptions, 'batch' | 'steps' | 'engine' | 'json'>) => {
      const engine = await openEngine(options.engine);
      const result = { ...benchFeatures(options), engine };
      printResult(options, result, () => describe(result));
    });
}

function presetOptions(command: Command): Command {
  const names = listPresets().map(([preset]) => preset);
  return runOptions(
    command
      .option('--preset <name>', `network of ${names.join(', ')}`, 'cifar10-ddpm')
      .option('--set <field=value>', 'change a field of the preset, such as model.channels=32', collect, [])
      .addOption(
        new Option('--precision <name>', "arithmetic; the preset's by default").choices(['float32', 'bfloat16']),
      ),
  );
}

function runOptions(command: Command): Command {
  return command
    .option('--batch <n>', 'images per step', countOption('batch', 1), 16)
    .option('--steps <n>', 'timed steps, after one that is not timed', countOption('steps', 1), 5)
    .addOption(new Option('--engine <id>', 'tensor engine').choices(['auto', 'native', 'wasm']).default('auto'))
    .option('--json', 'print JSON');
}

function benchConfig(options: BenchOptions): ExperimentConfig {
  const chosen = parseConfig(applySettings(findPreset(options.preset).config, options.set));
  return { ...chosen, precision: options.precision ?? chosen.precision };
}

/** What is timed decides how the threads share it. */
function withBatch(config: ExperimentConfig, batch: number): ExperimentConfig {
  return { ...config, base: { ...config.base, batch } };
}

function describeUpdate({ breakdownMs, beside }: TrainBenchResult): string {
  const { prepare, gradients, update, readBack, other } = breakdownMs;
  const table = formatTable(
    ['prepare', 'gradients', 'update', 'read back', 'other', 'checkpoint, of each update'],
    [[prepare, gradients, update, readBack, other, beside.checkpointMsPerUpdate].map((ms) => `${ms.toFixed(2)} ms`)],
  );
  return `${table}\nbeside the step (prepare, other, checkpoint): ${(100 * beside.share).toFixed(2)} % of it; ${beside.drawnAhead} batches were drawn ahead`;
}

function describeModels(result: ModelsBenchResult): string {
  const saved = (ratio: number) => `${(100 * (1 - ratio)).toFixed(1)} %`;
  return formatTable(
    ['saved', 'MACs', 'seconds', 'processor time', 'seconds / MACs', 'processor / MACs'],
    [
      [
        'by the experts',
        saved(result.macsRatio),
        saved(result.secondsRatio),
        saved(result.processorRatio),
        result.savedSecondsPerSavedMacs.toFixed(2),
        result.savedProcessorPerSavedMacs.toFixed(2),
      ],
    ],
  );
}

function describe({ imagesPerSecond, stepMs, peakRssBytes, engine }: BenchResult & { engine: Engine }): string {
  return formatTable(
    ['images/s', 'step ms, median', 'min', 'max', 'peak MB', 'engine'],
    [
      [
        imagesPerSecond.toFixed(2),
        stepMs.median.toFixed(1),
        stepMs.min.toFixed(1),
        stepMs.max.toFixed(1),
        (peakRssBytes / 1e6).toFixed(0),
        `${engine.id}, ${engine.version}, ${engine.threads} threads`,
      ],
    ],
  );
}
