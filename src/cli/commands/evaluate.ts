import type { Command } from 'commander';
import { estimateEvaluation, type EvaluationEstimate } from '../../pipeline/estimateEvaluation.js';
import { runPipeline } from '../../pipeline/runPipeline.js';
import { openProject } from '../../project/project.js';
import { writeProjectReport } from '../../report/projectReport.js';
import { comparisonResult, describeComparison } from '../comparison.js';
import { printResult, type OutputOptions } from '../output.js';
import { formatDuration, openProgressView } from '../progressView.js';
import { stopOnInterrupt } from '../stopSignal.js';

interface EvaluateOptions extends OutputOptions {
  readonly estimate?: boolean;
}

function describeEstimate({ images, kept, macs, seconds }: EvaluationEstimate): string {
  const drawn = images === 0 ? 'no images to draw' : `${images} images to draw (${(macs / 1e12).toFixed(2)} T MACs)`;
  return `${drawn}, ${kept} kept from before: about ${formatDuration(seconds)} on this machine`;
}

export function registerEvaluateCommand(program: Command): void {
  program
    .command('evaluate')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('measure the trained models again; images already drawn for this config are kept')
    .option('--estimate', 'say what it would take on this machine, and start nothing')
    .option('--json', 'print JSON')
    .action(async (path: string, options: EvaluateOptions) => {
      const project = await openProject(path);
      const estimate = await estimateEvaluation(project);
      if (options.estimate === true) {
        printResult(options, estimate, () => describeEstimate(estimate));
        return;
      }
      const view = openProgressView({ json: false });
      const stop = stopOnInterrupt();
      const emit = options.json === true ? () => undefined : view.emit;
      emit({ type: 'log', level: 'info', message: describeEstimate(estimate) });
      try {
        // The features may be others than those of the last run.
        await runPipeline(project, { only: 'features', emit, signal: stop.signal });
        await runPipeline(project, { only: 'evaluation', again: true, emit, signal: stop.signal });
        const report = await writeProjectReport(project, { again: true });
        printResult(options, comparisonResult(report), () => `${describeComparison(report)}\n\nreport: ${report.path}`);
      } finally {
        view.close();
        stop.restore();
      }
    });
}
