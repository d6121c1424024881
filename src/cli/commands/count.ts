import type { Command } from 'commander';
import { inputError } from '../../contract/errors.js';
import { buildUNetSpec } from '../../model/buildSpec.js';
import { countModel } from '../../model/countModel.js';
import { dependencyGroups, type DependencyGroup } from '../../model/dependencyGroups.js';
import { readModelFolder } from '../../model/diffusersFolder.js';
import type { UNetSpec } from '../../model/spec.js';
import { findPreset } from '../../pipeline/presets.js';
import { parseConfig } from '../../project/project.js';
import { printResult, type OutputOptions } from '../output.js';
import { applySettings } from '../settings.js';
import { formatTable } from '../table.js';
import { collect } from './new.js';

interface CountOptions extends OutputOptions {
  readonly preset?: string;
  readonly model?: string;
  readonly set: readonly string[];
  readonly groups?: boolean;
}

export function registerCountCommand(program: Command): void {
  program
    .command('count')
    .description('parameters and multiply-accumulates of a network')
    .option('--preset <name>', 'network of a preset')
    .option('--model <folder>', 'network of a diffusers folder')
    .option('--set <field=value>', 'change a field of the preset, such as model.channels=96', collect, [])
    .option('--groups', 'list the groups of channels that can only be removed together')
    .option('--json', 'print JSON')
    .action(async (options: CountOptions) => {
      const spec = await chosenSpec(options);
      const { parameters, tensors, macs, attentionMacs, macsPublished } = countModel(spec);
      const groups = options.groups === true ? dependencyGroups(spec, 'tied') : null;
      const result = { parameters, tensors, macs, attentionMacs, macsPublished, ...(groups !== null && { groups }) };
      printResult(options, result, () => {
        const counts = formatTable(
          ['count', 'value'],
          [
            ['parameters', parameters.toLocaleString('en')],
            ['tensors', tensors.toLocaleString('en')],
            ['MACs, convolutions and linear layers', macs.toLocaleString('en')],
            ['MACs, attention products', attentionMacs.toLocaleString('en')],
            ["MACs, Diff-Pruning's convention", macsPublished.toLocaleString('en')],
          ],
        );
        return groups === null ? counts : `${counts}\n\n${groupTable(groups)}`;
      });
    });
}

function groupTable(groups: readonly DependencyGroup[]): string {
  return formatTable(
    ['group', 'kind', 'channels', 'tensors that make them', 'that read them', 'norms'],
    groups.map(({ id, kind, width, producers, consumers, norms }) => [
      id,
      kind,
      ...[width, producers.length, consumers.length, norms.length].map(String),
    ]),
  );
}

async function chosenSpec(options: CountOptions): Promise<UNetSpec> {
  if ((options.preset === undefined) === (options.model === undefined)) {
    throw inputError('BAD_USAGE', 'count needs either --preset or --model', 'see `stepadapt count --help`');
  }
  if (options.model !== undefined) return (await readModelFolder(options.model)).spec;
  const config = parseConfig(applySettings(findPreset(options.preset!).config, options.set));
  return buildUNetSpec(config.model, config.data, config.diffusion);
}
