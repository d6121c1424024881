import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { configSchema, type ExperimentConfig } from '../contract/config.js';
import { failure, inputError } from '../contract/errors.js';
import type { Settings } from '../contract/settings.js';
import { superviseEngine } from '../jobs/superviseEngine.js';
import { designExperiment } from '../pipeline/design.js';
import { pipelineStages } from '../pipeline/pipelineStages.js';
import { findPreset, listPresets } from '../pipeline/presets.js';
import { createProject, parseConfig, saveConfig, type Project } from '../project/project.js';
import { writeNotes } from '../project/projectNotes.js';
import { printPdf } from '../report/printPdf.js';
import { writeProjectReport } from '../report/projectReport.js';
import type { AppServices, Handlers } from './appServices.js';
import { viewCheckpoints } from './checkpointViews.js';
import { confineConfig, confinePath } from './confinement.js';
import { readPreview } from './dataPreview.js';
import { previewDesign } from './designPreview.js';
import type { IntegrityCommands } from './integrityCommands.js';
import { listDrawnSamples, listReports, listSamples } from './projectFiles.js';
import { compareProjects, readResults } from './results.js';
import { readExperts, readMetrics } from './runViews.js';
import { summariseProject, viewNewestJob, viewProject, viewRun, viewStages } from './viewProject.js';

type ProjectCommands = Pick<
  Omit<Handlers, keyof IntegrityCommands>,
  Extract<
    keyof Omit<Handlers, keyof IntegrityCommands>,
    | `projects.${string}`
    | `design.${string}`
    | `report.${string}`
    | `exports.${string}`
    | `data.${string}`
    | 'presets.list'
    | 'experts.get'
    | 'results.get'
    | 'runs.snapshot'
    | 'checkpoints.list'
    | 'compare'
    | 'compare.metrics'
  >
>;

/** Commands about projects and what is on disk of them. */
export function projectCommands(services: AppServices): ProjectCommands {
  const { registry, roots, settings, live, hub, spawn } = services;
  const view = async (project: Project) => viewProject(project, live(project.path));
  let forecasting: Promise<unknown> = Promise.resolve();

  return {
    'presets.list': () =>
      listPresets().map(([name, { description, cost, config }]) => ({
        name,
        description,
        cost,
        config: configSchema.parse(config),
      })),

    'projects.recent': async () =>
      Promise.all(
        (await registry.list()).map((known) =>
          summariseProject(known, () => registry.open(known.id), live(known.path)),
        ),
      ),
    'projects.browse': () => registry.browse(),
    'projects.create': async ({ name, preset, parent, config: given }) => {
      const wishes = await settings.get();
      const config =
        given === undefined ? withWishes(parseConfig(findPreset(preset).config), wishes) : parseConfig(given);
      designExperiment(config);
      await confineConfig(config, roots);
      const folder = await confinePath(join(parent ?? wishes.projectsFolder ?? services.projectsFolder, name), roots);
      const { path } = await createProject(folder, { name, preset, config, now: services.now() });
      const { project } = await registry.openPath(path);
      hub.publish({ type: 'projects' });
      return view(project);
    },
    'projects.open': async (params) => {
      const known = 'id' in params ? (await registry.open(params.id)).path : params.path;
      const { project } = await registry.openPath(known);
      hub.publish({ type: 'projects' });
      return view(project);
    },
    'projects.saveConfig': async ({ id, config: raw }) => {
      const project = await registry.open(id);
      const config = parseConfig(raw);
      designExperiment(config);
      await confineConfig(config, roots);
      const saved = await saveConfig(project, config);
      hub.publish({ type: 'projects' });
      return view(saved);
    },
    'projects.annotate': async ({ id, notes }) => {
      const project = await registry.open(id);
      await writeNotes(project.folder, notes);
      hub.publish({ type: 'projects' });
      return view(project);
    },
    'projects.forget': async ({ id }) => {
      await registry.forget(id);
      hub.publish({ type: 'projects' });
      return null;
    },

    'design.preview': ({ config }) => previewDesign(config),
    'design.schema': () => ({
      schema: z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }),
      defaults: configSchema.parse({}),
    }),
    'design.forecast': ({ id }) => {
      // One at a time: two measurements on the same cores would both be wrong.
      const next = forecasting.then(async () => {
        const { config } = (await registry.open(id)).file;
        const outcome = await superviseEngine({ spawn, task: { type: 'forecast', config } }).outcome;
        if (outcome.kind === 'finished' && outcome.forecast !== null) return outcome.forecast;
        if (outcome.kind === 'failed' || outcome.kind === 'lost') {
          throw failure(outcome.error.code, outcome.error.message, outcome.error.hint);
        }
        throw failure('FORECAST_STOPPED', 'the measurement was cut off', 'ask again');
      });
      forecasting = next.catch(() => undefined);
      return next;
    },

    'runs.snapshot': async ({ id, since }) => {
      const project = await registry.open(id);
      const now = live(project.path);
      // Before anything is read: what happens meanwhile is then both in the snapshot and in the stream, never in neither.
      const { seq, epoch } = hub;
      const log = await services.feedOf(project).log.after(since);
      const { stages, time } = await viewRun(project, now, services.now().getTime());
      const ids = stages.map((stage) => stage.id);
      return {
        seq,
        epoch,
        job: await viewNewestJob(project, now),
        stages,
        time,
        metrics: await readMetrics(project, ids),
        samples: await listSamples(id, project, ids),
        drawn: await listDrawnSamples(id, project),
        log,
      };
    },
    'checkpoints.list': async ({ id }) => {
      const project = await registry.open(id);
      const stages = await viewStages(project, live(project.path));
      return viewCheckpoints(
        project,
        stages.map((stage) => stage.id),
      );
    },
    'experts.get': async ({ id }) => {
      const project = await registry.open(id);
      return readExperts(id, project, await viewStages(project, live(project.path)));
    },
    'results.get': async ({ id }) => readResults(id, await registry.open(id)),
    compare: async ({ ids }) =>
      compareProjects(await Promise.all(ids.map(async (id) => ({ id, project: await registry.open(id) })))),
    'compare.metrics': ({ ids, stage }) =>
      Promise.all(
        ids.map(async (id) => {
          const project = await registry.open(id);
          requireStage(project, stage);
          return (await readMetrics(project, [stage])).at(0) ?? null;
        }),
      ),

    'report.create': async ({ id }) => {
      const project = await registry.open(id);
      const { path } = await writeProjectReport(project, { again: true, now: services.now() });
      const made = (await listReports(id, project)).find((report) => path.split(/[\\/]/).at(-2) === report.id);
      if (made === undefined) throw failure('REPORT_LOST', 'the report that was written is gone', 'make it again');
      return made;
    },
    'report.list': async ({ id }) => listReports(id, await registry.open(id)),

    'data.preview': async ({ id }) => {
      const { data } = (await registry.open(id)).file.config;
      const { count, size, channels, classes } = await readPreview(data);
      const image = { name: 'data.png', url: `/api/data/${id}/data.png` };
      return { image, shown: count, size, channels, classes: [...classes] };
    },
    'exports.report': async ({ id, report, format }) => {
      const project = await registry.open(id);
      const from = await findReport(id, project, report);
      if (format === 'pdf') await printReport(join(project.folder, 'reports', from.id));
      return { name: `${project.file.name} report.${format}`, url: `/api/report/${id}/${from.id}/report.${format}` };
    },
    'exports.csv': async ({ id, table, report }) => {
      const project = await registry.open(id);
      if (table === 'metrics')
        return { name: `${project.file.name} metrics.csv`, url: `/api/metrics/${id}/metrics.csv` };
      const from = await findReport(id, project, report);
      if (!from.tables.includes(table)) throw noSuch('table', table, from.tables);
      return { name: `${project.file.name} ${table}.csv`, url: `/api/report/${id}/${from.id}/${table}.csv` };
    },
    'exports.figure': async ({ id, report, figure, format, width }) => {
      const project = await registry.open(id);
      const from = await findReport(id, project, report);
      if (!from.figures.includes(figure)) throw noSuch('figure', figure, from.figures);
      const url =
        format === 'svg'
          ? `/api/report/${id}/${from.id}/figures/${figure}.svg`
          : `/api/figure/${id}/${from.id}/${figure}/${width}.png`;
      return { name: `${project.file.name} ${figure}.${format}`, url };
    },
  };
}

/** A new experiment begins with what its person wants of every one. */
function withWishes(config: ExperimentConfig, { engine, keepCheckpoints }: Settings): ExperimentConfig {
  return {
    ...config,
    ...(engine !== 'auto' && { engine }),
    ...(keepCheckpoints !== null && { base: { ...config.base, keepCheckpoints } }),
  };
}

/** Prints a report once. */
async function printReport(folder: string): Promise<void> {
  const pdf = join(folder, 'report.pdf');
  if (!existsSync(pdf)) await printPdf(join(folder, 'report.html'), pdf);
}

/** The named report, or the newest. */
async function findReport(id: string, project: Project, name: string | undefined) {
  const reports = await listReports(id, project);
  const found = name === undefined ? reports.at(0) : reports.find((report) => report.id === name);
  if (found === undefined) throw inputError('REPORT_NOT_FOUND', 'there is no such report', 'make a report first');
  return found;
}

function noSuch(kind: string, name: string, known: readonly string[]): Error {
  return inputError('EXPORT_UNKNOWN', `the report has no ${kind} "${name}"`, `choose one of ${known.join(', ')}`);
}

/**
 * Refuses a run that could not begin.
 * @throws input errors of the design; `STAGE_UNKNOWN`
 */
export function requireRunnable(project: Project, until: string | null): void {
  designExperiment(project.file.config);
  if (until !== null) requireStage(project, until);
}

/** @throws `STAGE_UNKNOWN` where the experiment has no stage, and no group of stages, of this name */
function requireStage(project: Project, wanted: string): void {
  const stages = pipelineStages(project.file.config).map(({ id }) => id);
  if (stages.some((id) => id === wanted || id.startsWith(`${wanted}/`))) return;
  throw inputError('STAGE_UNKNOWN', `there is no stage "${wanted}"`, `choose one of ${stages.join(', ')}`);
}
