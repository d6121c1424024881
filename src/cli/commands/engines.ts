import type { Command } from 'commander';
import { probeEngines } from '../../tensor/probeEngines.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatTable } from '../table.js';

export function registerEnginesCommand(program: Command): void {
  program
    .command('engines')
    .description('which tensor engines work on this machine, or why not')
    .option('--json', 'print JSON')
    .action(async (options: OutputOptions) => {
      const engines = await probeEngines();
      printResult(options, engines, () =>
        formatTable(
          ['engine', 'works', 'version', 'device', 'note'],
          engines.map(({ id, available, version, device, reason }) => [
            id,
            available ? 'yes' : 'no',
            version ?? '',
            device ?? '',
            reason ?? '',
          ]),
        ),
      );
    });
}
