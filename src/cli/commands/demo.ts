import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { rm, stat } from 'node:fs/promises';
import { inputError } from '../../contract/errors.js';
import type { EventSink } from '../../contract/events.js';
import { designExperiment } from '../../pipeline/design.js';
import { planProject } from '../../pipeline/plan.js';
import { findPreset } from '../../pipeline/presets.js';
import { projectStatus } from '../../pipeline/projectStatus.js';
import { runPipeline } from '../../pipeline/runPipeline.js';
import { createProject, openProject, parseConfig, type Project } from '../../project/project.js';
import { comparisonResult, describeComparison } from '../comparison.js';
import { printResult, type OutputOptions } from '../output.js';
import { loggedEvents } from '../loggedEvents.js';
import { formatDuration, openProgressView } from '../progressView.js';
import { applySettings } from '../settings.js';
import { stopOnInterrupt } from '../stopSignal.js';
import { collect } from './new.js';

const DEMO_PRESETS = { shapes: 'shapes-tiny', 'fashion-mnist': 'fashion-tiny' } as const;

interface DemoOptions extends OutputOptions {
  readonly data: keyof typeof DEMO_PRESETS;
  readonly dir?: string;
  readonly fresh?: boolean;
  readonly set: readonly string[];
}

export function registerDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('the whole method on small images: train, group, prune, fine-tune, sample, compare, report')
    .addOption(new Option('--data <source>', 'images').choices(Object.keys(DEMO_PRESETS)).default('shapes'))
    .option('--dir <folder>', 'folder of the demo project (default: demo-DATA here)')
    .option('--fresh', 'begin again: removes the earlier demo in that folder')
    .option('--set <field=value>', 'change a field of the config; may be repeated', collect, [])
    .option('--json', 'print JSON lines; the last one is the result')
    .action(async (options: DemoOptions) => {
      const folder = resolve(options.dir ?? `demo-${options.data}`);
      const project = await demoProject(folder, options);
      const view = openProgressView(options);
      const log = loggedEvents(project, view);
      const stop = stopOnInterrupt();
      try {
        await announce(project, log.emit);
        await runPipeline(project, { emit: log.emit, signal: stop.signal });
        // Loaded here: the charts of reports take longer to load than everything that a training needs.
        const { writeProjectReport } = await import('../../report/projectReport.js');
        const report = await writeProjectReport(project);
        view.close();
        const result = { project: project.path, ...comparisonResult(report) };
        printResult(
          options,
          { type: 'result', result },
          () => `${describeComparison(report)}\n\nproject: ${project.path}\nreport:  ${report.path}`,
        );
      } finally {
        view.close();
        stop.restore();
        await log.settled();
      }
    });
}

/** Says what the demo will take on this machine, or that its results are there already. */
async function announce(project: Project, emit: EventSink): Promise<void> {
  const { stages } = await projectStatus(project);
  if (stages.every(({ state }) => state === 'done')) {
    const message = `the demo in ${project.folder} is finished, nothing is computed again; --fresh begins anew`;
    emit({ type: 'log', level: 'info', message });
    return;
  }
  const { seconds } = (await planProject(project)).forecast;
  const begun = stages.some(({ state }) => state !== 'pending');
  const message = begun
    ? `going on with the demo in ${project.folder}`
    : `the whole demo takes about ${formatDuration(seconds)} on this machine; stop it any time, the same command goes on`;
  emit({ type: 'log', level: 'info', message });
}

/** Goes on with the demo that is there, or makes it. */
async function demoProject(folder: string, options: DemoOptions): Promise<Project> {
  const preset = DEMO_PRESETS[options.data];
  const exists = await stat(join(folder, `${DEMO_NAME}.stepadapt`)).then(
    () => true,
    () => false,
  );
  if (exists && options.fresh === true) await rm(folder, { recursive: true });
  else if (exists) {
    if (options.set.length > 0) {
      throw inputError(
        'DEMO_EXISTS',
        `${folder} already holds a demo with its own config`,
        'add --fresh, or choose another --dir',
      );
    }
    return openProject(folder);
  }
  const config = parseConfig(applySettings(findPreset(preset).config, options.set));
  designExperiment(config);
  return createProject(folder, { name: DEMO_NAME, preset, config });
}

/** Only a project of this name is ever removed by `--fresh`. */
const DEMO_NAME = 'demo';
