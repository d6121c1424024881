import type { Command } from 'commander';
import { Option } from 'commander';
import { writeBundle } from '../../pipeline/bundle.js';
import { writeDiffusersPipeline } from '../../pipeline/diffusersPipeline.js';
import { openProject } from '../../project/project.js';
import { printResult, type OutputOptions } from '../output.js';

interface ExportOptions extends OutputOptions {
  readonly to: 'bundle' | 'diffusers';
  readonly model: 'base' | 'uniform';
  readonly out: string;
}

export function registerExportCommand(program: Command): void {
  program
    .command('export')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('write trained networks for use elsewhere')
    .addOption(
      new Option(
        '--to <form>',
        'bundle: all experts in one folder that needs no project; diffusers: one network as a DDPMPipeline folder',
      )
        .choices(['bundle', 'diffusers'])
        .default('bundle'),
    )
    .addOption(new Option('--model <name>', 'diffusers: which network').choices(['base', 'uniform']).default('base'))
    .requiredOption('--out <folder>', 'new folder')
    .option('--json', 'print JSON')
    .action(async (path: string, options: ExportOptions) => {
      const project = await openProject(path);
      if (options.to === 'bundle') {
        const { bounds, experts, macsRatio } = await writeBundle(project, options.out);
        printResult(
          options,
          { out: options.out, bounds, experts: experts.length, macsRatio },
          () => `${experts.length} experts at ${macsRatio.toFixed(3)} of the base's MACs in ${options.out}`,
        );
        return;
      }
      const parameters = await writeDiffusersPipeline(project, options.model, options.out);
      printResult(
        options,
        { out: options.out, model: options.model, parameters },
        () => `${options.model}, ${parameters.toLocaleString('en')} parameters, in ${options.out}`,
      );
    });
}
