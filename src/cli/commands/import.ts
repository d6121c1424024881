import type { Command } from 'commander';
import { designExperiment } from '../../pipeline/design.js';
import { writeImportedBase } from '../../pipeline/importedBase.js';
import { importModel } from '../../pipeline/importModel.js';
import { findPreset, listPresets } from '../../pipeline/presets.js';
import { createProject, parseConfig } from '../../project/project.js';
import { printResult, type OutputOptions } from '../output.js';
import { applySettings } from '../settings.js';
import { collect } from './new.js';

interface ImportOptions extends OutputOptions {
  readonly preset: string;
  readonly set: readonly string[];
  readonly name?: string;
}

export function registerImportCommand(program: Command): void {
  program
    .command('import')
    .argument('<model>', 'diffusers folder, or a file of weights of the network that preset and settings describe')
    .argument('<folder>', 'folder of the new project')
    .description('make a project whose base is a trained network, in place of training one')
    .option(
      '--preset <name>',
      `everything that the model does not say: ${listPresets()
        .map(([name]) => name)
        .join(', ')}`,
      'cifar10-ddpm',
    )
    .option(
      '--set <field=value>',
      'change a field of the config, such as data.path=IMAGES; may be repeated',
      collect,
      [],
    )
    .option('--name <name>', "the project's name, otherwise the folder's")
    .option('--json', 'print JSON')
    .action(async (model: string, folder: string, options: ImportOptions) => {
      const preset = parseConfig(applySettings(findPreset(options.preset).config, options.set));
      const imported = await importModel(model, preset);
      // Out of range, a network of the model's may be no legal config.
      const config = parseConfig(imported.config);
      const { baseMacs, parameters } = designExperiment(config);
      const project = await createProject(folder, {
        preset: options.preset,
        config,
        ...(options.name === undefined ? {} : { name: options.name }),
      });
      await writeImportedBase(project.folder, imported.spec, imported.weights);
      printResult(
        options,
        { project: project.path, parameters, macs: baseMacs, config },
        () => `made ${project.path}: its base is ${model}, ${parameters.toLocaleString('en')} parameters`,
      );
    });
}
