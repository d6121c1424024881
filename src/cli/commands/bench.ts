import type { Command } from 'commander';
import { Option } from 'commander';
import { parseConfig } from '../../project/project.js';
import { applySettings } from '../settings.js';
import { benchFeatures, benchSample, benchTrain, type BenchResult } from '../../pipeline/bench.js';
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
  readonly set: readonly string[];
}

export function registerBenchCommand(program: Command): void {
  const bench = program.command('bench').description('throughput and memory of this machine');
  for (const [name, measure] of [
    ['train', benchTrain],
    ['sample', benchSample],
  ] as const) {
    bench
      .command(name)
      .option(
        '--preset <name>',
        `network of ${listPresets()
          .map(([preset]) => preset)
          .join(', ')}`,
        'cifar10-ddpm',
      )
      .option('--set <field=value>', 'change a field of the preset, such as model.channels=32', collect, [])
      .option('--batch <n>', 'images per step', countOption('batch', 1), 16)
      .option('--steps <n>', 'timed steps, after one that is not timed', countOption('steps', 1), 5)
      .addOption(new Option('--engine <id>', 'tensor engine').choices(['auto', 'native', 'wasm']).default('auto'))
      .option('--json', 'print JSON')
      .action(async (options: BenchOptions) => {
        const config = parseConfig(applySettings(findPreset(options.preset).config, options.set));
        const engine = await openEngine(options.engine);
        const result = { ...measure(config, options), engine };
        printResult(options, result, () => describe(result));
      });
  }
  bench
    .command('features')
    .description('the Inception features of FID')
    .option('--batch <n>', 'images per step', countOption('batch', 1), 16)
    .option('--steps <n>', 'timed steps, after one that is not timed', countOption('steps', 1), 5)
    .addOption(new Option('--engine <id>', 'tensor engine').choices(['auto', 'native', 'wasm']).default('auto'))
    .option('--json', 'print JSON')
    .action(async (options: Pick<BenchOptions, 'batch' | 'steps' | 'engine' | 'json'>) => {
      const engine = await openEngine(options.engine);
      const result = { ...benchFeatures(options), engine };
      printResult(options, result, () => describe(result));
    });
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
