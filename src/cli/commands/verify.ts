import type { Command } from 'commander';
import type { Finding } from '../../pipeline/integrity/finding.js';
import { repairProject } from '../../pipeline/integrity/repairProject.js';
import { verifyProject, type ProjectVerification } from '../../pipeline/integrity/verifyProject.js';
import { openProject } from '../../project/project.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatTable } from '../table.js';

/** `verify` and `repair`. Exit code 1 while something is damaged. */
export function registerVerifyCommands(program: Command): void {
  program
    .command('verify')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('compare every file with its hash; says what is wrong and what still works; changes nothing')
    .option('--json', 'print JSON')
    .action(async (path: string, options: OutputOptions) => {
      const found = await verifyProject(await openProject(path));
      printResult(options, found, () => `${stageTable(found)}\n\n${findingText(found)}`);
      if (!found.intact) process.exitCode = 1;
    });
  program
    .command('repair')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('rebuild what can be derived and move damaged files to set-aside/; deletes no result')
    .option('--json', 'print JSON')
    .action(async (path: string, options: OutputOptions) => {
      const repair = await repairProject(await openProject(path));
      printResult(options, repair, () => {
        const done = repair.actions.map(({ path, action }) => `${path}: ${action}`);
        const next =
          repair.stages.length === 0
            ? 'nothing has to be computed again'
            : `\`stepadapt run\` goes on with ${repair.stages.join(', ')}`;
        return [...(done.length === 0 ? ['nothing to repair'] : done), '', next, findingText(repair.after)].join('\n');
      });
      if (!repair.after.intact) process.exitCode = 1;
    });
}

function stageTable({ stages }: ProjectVerification): string {
  return formatTable(
    ['stage', 'state', 'checked'],
    stages.map(({ id, state, checked }) => [id, state, checked === 0 ? '' : `${checked} files`]),
  );
}

function findingText({ intact, findings }: ProjectVerification): string {
  const lines = findings.map(({ path, problem, effect }: Finding) => `${path} ${problem}\n  ${effect}`);
  const hint = intact ? 'nothing is damaged' : 'something is damaged: `stepadapt repair` sees to it';
  return [...lines, hint].join('\n');
}
