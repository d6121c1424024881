import type { Command } from 'commander';
import { LARGE_SEARCH_SHARE } from '../../pipeline/plannedCompute.js';
import { planProject } from '../../pipeline/plan.js';
import { openProject } from '../../project/project.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatDuration } from '../progressView.js';
import { formatTable } from '../table.js';

export function registerPlanCommand(program: Command): void {
  program
    .command('plan')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('groups, budgets, widths, and a forecast of time, memory and disk; starts nothing')
    .option('--json', 'print JSON')
    .action(async (path: string, options: OutputOptions) => {
      const project = await openProject(path);
      const plan = await planProject(project);
      const imported = project.file.config.base.imported !== null;
      printResult(options, plan, () => {
        const table = formatTable(
          ['timesteps', 'SNR, dB', 'requested', 'effective', 'MACs'],
          plan.groups.map(({ from, to, snrDb, requested, effective, macs }) => [
            `${from} to ${to - 1}`,
            `${snrDb[0].toFixed(1)} to ${snrDb[1].toFixed(1)}`,
            requested.toFixed(3),
            effective.toFixed(3),
            `${(macs / 1e6).toFixed(1)} M`,
          ]),
        );
        const { seconds, peakBytes, diskBytes, evaluation, warning } = plan.forecast;
        const measured =
          plan.measuredPeakBytes === null ? '' : ` (${gigabytes(plan.measuredPeakBytes)} measured in what has run)`;
        const waiting = [
          ...(plan.provisional.bounds
            ? ['\nbounds are provisional, from difficulty alone, until similarity is measured']
            : []),
          ...(plan.provisional.budgets ? ['\nbudgets are provisional until the base is trained and measured'] : []),
        ].join('');
        const provisional = plan.groups.some((group) => group.provisional)
          ? '\nwidths are provisional until the search has chosen them'
          : '';
        return (
          `${table}\n\nmean over the visited steps: ${plan.mean.toFixed(3)}${waiting}${provisional}\n${searchNote(plan.searchShare, imported)}\n` +
          `forecast for this machine: ${formatDuration(seconds)}, ${gigabytes(peakBytes)} of memory${measured}, ${gigabytes(diskBytes)} on disk\n` +
          `evaluation, part of it: ${formatDuration(evaluation.seconds)} for ${evaluation.images} images` +
          (warning === undefined ? '' : `\nwarning: ${warning}`)
        );
      });
    });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e9 ? 2 : 1)} GB`;
}

function searchNote(share: number, imported: boolean): string {
  const note = `search: ${(100 * share).toFixed(1)} % of the ${imported ? "experts'" : "base's"} training`;
  const isLarge = share > LARGE_SEARCH_SHARE;
  return isLarge ? `warning: ${note}; fewer pruning.rounds, proxySteps or evidence batches make it smaller` : note;
}
