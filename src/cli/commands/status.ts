import type { Command } from 'commander';
import { projectStatus } from '../../pipeline/projectStatus.js';
import { openProject } from '../../project/project.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatDuration } from '../progressView.js';
import { formatTable } from '../table.js';

export function registerStatusCommand(program: Command): void {
  program
    .command('status')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('state of every stage')
    .option('--json', 'print JSON')
    .action(async (path: string, options: OutputOptions) => {
      const status = await projectStatus(await openProject(path));
      printResult(options, status, () =>
        formatTable(
          ['stage', 'state', 'done', 'time to go'],
          status.stages.map(({ id, state, progress, etaSeconds }) => [
            id,
            state,
            `${Math.round(progress * 100)} %`,
            etaSeconds === null ? '' : formatDuration(etaSeconds),
          ]),
        ),
      );
    });
}
