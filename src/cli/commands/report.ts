import type { Command } from 'commander';
import { openProject } from '../../project/project.js';
import { writeProjectReport } from '../../report/projectReport.js';
import { comparisonResult, describeComparison } from '../comparison.js';
import { printPdf } from '../../report/printPdf.js';
import { openInBrowser } from '../openInBrowser.js';
import { countOption } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';

interface ReportOptions extends OutputOptions {
  readonly open?: boolean;
  readonly pdf?: boolean;
  readonly png?: number;
}

export function registerReportCommand(program: Command): void {
  program
    .command('report')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('write the report of a finished project into a new folder')
    .option('--open', 'show it in the browser')
    .option('--png <pixels>', 'also write the figures as PNG files of this width', countOption('png', 100))
    .option('--pdf', 'also print it to report.pdf, with a Chromium of this machine')
    .option('--json', 'print JSON')
    .action(async (path: string, options: ReportOptions) => {
      const pngWidth = options.png === undefined ? {} : { pngWidth: options.png };
      const report = await writeProjectReport(await openProject(path), { again: true, ...pngWidth });
      const pdf = options.pdf === true ? report.path.replace(/html$/, 'pdf') : null;
      if (pdf !== null) await printPdf(report.path, pdf);
      const result = { ...comparisonResult(report), ...(pdf !== null && { pdf }) };
      printResult(options, result, () => `${describeComparison(report)}\n\nreport: ${pdf ?? report.path}`);
      if (options.open === true) openInBrowser(report.path);
    });
}
