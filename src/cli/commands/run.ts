import type { Command } from 'commander';
import { projectStatus } from '../../pipeline/projectStatus.js';
import { runPipeline } from '../../pipeline/runPipeline.js';
import { openProject } from '../../project/project.js';
import { writeProjectReport } from '../../report/projectReport.js';
import { comparisonRows, describeRows } from '../comparison.js';
import { openProgressView } from '../progressView.js';
import { stopOnInterrupt } from '../stopSignal.js';
import type { OutputOptions } from '../output.js';

interface RunCommandOptions extends OutputOptions {
  readonly until?: string;
  readonly only?: string;
}

export function registerRunCommand(program: Command): void {
  program
    .command('run')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('run the pipeline, or go on with it; Ctrl-C stops cleanly, twice at once')
    .option('--until <stage>', 'stop after this stage')
    .option('--only <stage>', 'run this stage alone')
    .option('--json', 'print JSON lines; the last one is the result')
    .action(async (path: string, options: RunCommandOptions) => {
      const project = await openProject(path);
      const view = openProgressView(options);
      const stop = stopOnInterrupt();
      try {
        await runPipeline(project, { ...options, emit: view.emit, signal: stop.signal });
        const whole = options.until === undefined && options.only === undefined;
        const report = whole ? await writeProjectReport(project) : null;
        const status = await projectStatus(project);
        view.close();
        const rows = report === null ? [] : comparisonRows(report.rows, report.metric);
        if (options.json === true) {
          view.emit({ type: 'result', result: { ...status, ...(report && { report: report.path, rows }) } });
        } else if (report !== null) process.stdout.write(`${describeRows(rows)}\n\nreport: ${report.path}\n`);
      } finally {
        view.close();
        stop.restore();
      }
    });
}
