import type { Command } from 'commander';
import { projectStatus } from '../../pipeline/projectStatus.js';
import { requireRunnable, runPipeline } from '../../pipeline/runPipeline.js';
import { openProject, parseConfig, saveConfig, type Project } from '../../project/project.js';
import { lockProject } from '../../project/projectLock.js';
import { applySettings } from '../settings.js';
import { comparisonResult, describeComparison } from '../comparison.js';
import { loggedEvents } from '../loggedEvents.js';
import { openProgressView } from '../progressView.js';
import { stopOnInterrupt } from '../stopSignal.js';
import type { OutputOptions } from '../output.js';

interface RunCommandOptions extends OutputOptions {
  readonly until?: string;
  readonly only?: string;
  readonly set: readonly string[];
}

export function registerRunCommand(program: Command): void {
  program
    .command('run')
    .argument('<project>', 'project folder or .stepadapt file')
    .description('run the pipeline, or go on with it; Ctrl-C stops cleanly, twice at once')
    .option('--until <stage>', 'stop after this stage')
    .option('--only <stage>', 'run this stage alone')
    .option(
      '--set <field=value>',
      'change a field of the experiment first; stages that depend on it are computed again, their results so far move to archive/',
      (setting: string, before: readonly string[]) => [...before, setting],
      [] as readonly string[],
    )
    .option('--json', 'print JSON lines; the last one is the result')
    .action(async (path: string, options: RunCommandOptions) => {
      const project = await withSettings(await openProject(path), options);
      const view = openProgressView(options);
      const log = loggedEvents(project, view);
      const stop = stopOnInterrupt();
      try {
        await runPipeline(project, { ...options, emit: log.emit, signal: stop.signal });
        const whole = options.until === undefined && options.only === undefined;
        // Loaded here: the charts of reports take longer to load than everything that a training needs.
        const report = whole ? await (await import('../../report/projectReport.js')).writeProjectReport(project) : null;
        const status = await projectStatus(project);
        view.close();
        if (options.json === true) {
          view.emit({ type: 'result', result: { ...status, ...(report && comparisonResult(report)) } });
        } else if (report !== null) process.stdout.write(`${describeComparison(report)}\n\nreport: ${report.path}\n`);
      } finally {
        view.close();
        stop.restore();
        await log.settled();
      }
    });
}

/**
 * The project with these fields of its experiment changed, on disk too. Nothing is written where there are none, or where the
 * result could not run, or where another run writes to the project (`PROJECT_LOCKED`).
 */
async function withSettings(project: Project, options: RunCommandOptions): Promise<Project> {
  if (options.set.length === 0) return project;
  const config = parseConfig(applySettings(project.file.config, options.set), 'the changed config');
  requireRunnable(config, options);
  // The run takes this place again; one that another run holds must not find its experiment changed.
  const release = await lockProject(project);
  try {
    return await saveConfig(project, config);
  } finally {
    await release();
  }
}
