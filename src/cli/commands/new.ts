import type { Command } from 'commander';
import { findPreset, listPresets } from '../../pipeline/presets.js';
import { createProject, openProject, parseConfig } from '../../project/project.js';
import { designExperiment } from '../../pipeline/design.js';
import { applySettings } from '../settings.js';
import { printResult, type OutputOptions } from '../output.js';

interface NewOptions extends OutputOptions {
  readonly preset: string;
  readonly set: readonly string[];
  readonly name?: string;
  readonly from?: string;
}

export function registerNewCommand(program: Command): void {
  program
    .command('new')
    .argument('<folder>', 'folder of the new project')
    .description('make a project')
    .option(
      '--preset <name>',
      `one of ${listPresets()
        .map(([name]) => name)
        .join(', ')}`,
      'shapes-tiny',
    )
    .option('--from <project>', 'take the config of this project, or of the experiment.stepadapt of a report')
    .option('--set <field=value>', 'change a field of the config, such as base.steps=500; may be repeated', collect, [])
    .option('--name <name>', "the project's name, otherwise the folder's")
    .option('--json', 'print JSON')
    .action(async (folder: string, options: NewOptions) => {
      const origin = options.from === undefined ? null : (await openProject(options.from)).file;
      const preset = origin === null ? options.preset : origin.preset;
      const config = parseConfig(applySettings(origin?.config ?? findPreset(options.preset).config, options.set));
      designExperiment(config);
      const project = await createProject(folder, {
        preset,
        config,
        ...(options.name === undefined ? {} : { name: options.name }),
      });
      printResult(options, { project: project.path, config }, () => `made ${project.path}`);
    });
}

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
