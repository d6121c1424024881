import type { Command } from 'commander';
import { openProject } from '../../project/project.js';
import { writeProjectReport } from '../../report/projectReport.js';
import { comparisonRows, describeRows } from '../comparison.js';
import { openInBrowser } from '../openInBrowser.js';
import { printResult, type OutputOptions } from '../output.js';

interface ReportOptions extends OutputOptions {
  readonly open?: boolean;
}

export function registerReportCommand(program: Command): void {
  program
    .command('report')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('write the report of a finished project into a new folder')
    .option('--open', 'show it in the browser')
    .option('--json', 'print JSON')
    .action(async (path: string, options: ReportOptions) => {
      const report = await writeProjectReport(await openProject(path), { again: true });
      const rows = comparisonRows(report.rows, report.metric);
      printResult(options, { report: report.path, rows }, () => `${describeRows(rows)}\n\nreport: ${report.path}`);
      if (options.open === true) openInBrowser(report.path);
    });
}
