import type { Command } from 'commander';
import { runPipeline } from '../../pipeline/runPipeline.js';
import { openProject } from '../../project/project.js';
import { writeProjectReport } from '../../report/projectReport.js';
import { comparisonRows, describeRows } from '../comparison.js';
import { printResult, type OutputOptions } from '../output.js';
import { openProgressView } from '../progressView.js';
import { stopOnInterrupt } from '../stopSignal.js';

export function registerEvaluateCommand(program: Command): void {
  program
    .command('evaluate')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('measure the trained models again; images already drawn for this config are kept')
    .option('--json', 'print JSON')
    .action(async (path: string, options: OutputOptions) => {
      const project = await openProject(path);
      const view = openProgressView({ json: false });
      const stop = stopOnInterrupt();
      const emit = options.json === true ? () => undefined : view.emit;
      try {
        // The features may be others than those of the last run.
        await runPipeline(project, { only: 'features', emit, signal: stop.signal });
        await runPipeline(project, { only: 'evaluation', again: true, emit, signal: stop.signal });
        const report = await writeProjectReport(project, { again: true });
        const rows = comparisonRows(report.rows, report.metric);
        printResult(options, { report: report.path, rows }, () => `${describeRows(rows)}\n\nreport: ${report.path}`);
      } finally {
        view.close();
        stop.restore();
      }
    });
}
