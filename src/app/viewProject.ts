import type { ExperimentConfig } from '../contract/config.js';
import type { JobRecord, JobView } from '../contract/jobs.js';
import { describeError, StepAdaptError } from '../contract/errors.js';
import type { ProjectSummary, ProjectView, StageView } from '../contract/projectViews.js';
import { isAtWork, isOver } from '../jobs/jobState.js';
import { JobStore } from '../jobs/jobStore.js';
import type { Job } from '../jobs/job.js';
import { designExperiment } from '../pipeline/design.js';
import { plannedStages } from '../pipeline/plannedCompute.js';
import { projectStatus } from '../pipeline/projectStatus.js';
import { runTime, type RunTime } from '../pipeline/runTime.js';
import type { Project } from '../project/project.js';
import { isProjectLocked } from '../project/projectLock.js';
import { readNotes } from '../project/projectNotes.js';
import { listSamples } from './projectFiles.js';
import { projectId, type KnownProject } from './projectRegistry.js';
import type { RunFeed } from './runFeed.js';

/** What is known of a project besides its folder: its job that is not over, and what the run says of itself. */
export interface LiveProject {
  readonly job: Job | null;
  readonly feed: RunFeed | null;
}

export function viewJob(record: JobRecord, project: Project, rssBytes: number | null): JobView {
  const { id, state, until, queuedAt, startAfter, startedAt, endedAt, restarts, error } = record;
  return {
    id,
    projectId: projectId(project.path),
    projectName: project.file.name,
    state,
    until,
    queuedAt,
    startAfter,
    startedAt,
    endedAt,
    restarts: restarts.length,
    error,
    rssBytes,
    configChanged: JSON.stringify(record.config) !== JSON.stringify(project.file.config),
    can: {
      start: isOver(state) || state === 'paused',
      pause: state === 'starting' || state === 'running',
      stop: !isOver(state) && state !== 'stopping',
    },
  };
}

/** The job of a project that is not over, else its newest record. */
export async function viewNewestJob(project: Project, { job }: LiveProject): Promise<JobView | null> {
  if (job !== null) return viewJob(job.record, project, job.rssBytes);
  const record = await new JobStore(project.folder).newest();
  return record === null ? null : viewJob(record, project, null);
}

/** A run at work is shown by the config it runs with, which may no longer be the project's. */
function shownProject(project: Project, { job }: LiveProject): Project {
  if (job === null || !isAtWork(job.record.state)) return project;
  return { ...project, file: { ...project.file, config: job.record.config } };
}

/** States of all stages. */
export async function viewStages(project: Project, live: LiveProject): Promise<StageView[]> {
  return (await readStages(project, live)).map(({ view }) => view);
}

/** States of all stages, and what the whole run took and will take. */
export async function viewRun(
  project: Project,
  live: LiveProject,
  now: number,
): Promise<{ stages: StageView[]; time: RunTime }> {
  const read = await readStages(project, live);
  const times = read.map(({ view: { id, state, progress, etaSeconds, work }, seconds }) => ({
    id,
    state,
    progress,
    seconds: seconds + (state === 'running' ? (live.feed?.secondsOf(id, now) ?? 0) : 0),
    // What an expert says of its search is not about its training, which comes after it.
    etaSeconds: id.startsWith('experts/') && work !== null && work.unit !== 'step' ? null : etaSeconds,
  }));
  return { stages: read.map(({ view }) => view), time: runTime(times, planned(shownProject(project, live))) };
}

/** A job at work keeps one config, and a window asks every few seconds: it is planned once. */
const plans = new WeakMap<ExperimentConfig, ReadonlyMap<string, number>>();

function planned({ file: { config } }: Project): ReadonlyMap<string, number> {
  const known = plans.get(config);
  if (known !== undefined) return known;
  let plan: ReadonlyMap<string, number> = new Map();
  try {
    plan = plannedStages(config, designExperiment(config));
  } catch {
    // An experiment that cannot be has no plan; the design says why.
  }
  plans.set(config, plan);
  return plan;
}

async function readStages(
  project: Project,
  live: LiveProject,
): Promise<{ readonly view: StageView; readonly seconds: number }[]> {
  const atWork = live.job !== null && isAtWork(live.job.record.state);
  const { stages } = await projectStatus(shownProject(project, live));
  return stages.map(({ id, state, progress, etaSeconds, seconds }) => {
    const known = atWork && state === 'running' ? (live.feed?.stage(id) ?? null) : null;
    const work = known?.work ?? null;
    const view: StageView = {
      id,
      state,
      progress: work === null ? progress : work.done / Math.max(1, work.total),
      etaSeconds: known?.etaSeconds ?? etaSeconds,
      work,
    };
    return { view, seconds };
  });
}

export async function viewProject(project: Project, live: LiveProject): Promise<ProjectView> {
  const { name, preset, createdAt, config } = project.file;
  return {
    id: projectId(project.path),
    name,
    place: project.folder,
    preset,
    createdAt,
    notes: await readNotes(project.folder),
    config,
    stages: await viewStages(project, live),
    job: await viewNewestJob(project, live),
    lockedElsewhere: live.job?.engine == null && (await isProjectLocked(project)),
  };
}

/** One line of the list of recent projects. Never rejects: a project that cannot be opened says why. */
export async function summariseProject(
  known: KnownProject,
  open: () => Promise<Project>,
  live: LiveProject,
): Promise<ProjectSummary> {
  const { id, openedAt } = known;
  try {
    const project = await open();
    const stages = await viewStages(project, live);
    const done = stages.filter(({ state }) => state === 'done').length;
    const running = stages.filter(({ state }) => state === 'running');
    const samples = await listSamples(id, project, ['evaluation', 'base']);
    const best = samples.find(({ image }) => image.endsWith('~adaptive')) ?? samples.at(-1);
    return {
      id,
      openedAt,
      name: project.file.name,
      place: project.folder,
      preset: project.file.preset,
      notes: await readNotes(project.folder),
      state: summaryState(stages, await viewNewestJob(project, live)),
      progress: (done + running.reduce((sum, { progress }) => sum + progress, 0)) / stages.length,
      thumbnail: best?.image ?? null,
      problem: null,
    };
  } catch (error) {
    const missing = error instanceof StepAdaptError && error.code === 'PROJECT_NOT_FOUND';
    return {
      id,
      openedAt,
      name: known.name,
      place: known.path,
      preset: null,
      notes: { text: '', tags: [], colour: null },
      state: missing ? 'missing' : 'broken',
      progress: 0,
      thumbnail: null,
      problem: describeError(error),
    };
  }
}

function summaryState(stages: readonly StageView[], job: JobView | null): ProjectSummary['state'] {
  if (job !== null) {
    if (isAtWork(job.state)) return 'running';
    if (job.state === 'queued' || job.state === 'paused') return job.state;
  }
  if (stages.every(({ state }) => state === 'done')) return 'finished';
  if (job?.state === 'failed' || job?.state === 'interrupted') return job.state;
  // Runs from the command line leave no job.
  if (stages.some(({ state }) => state === 'running')) return 'running';
  if (stages.some(({ state }) => state === 'failed')) return 'failed';
  if (stages.some(({ state }) => state === 'interrupted')) return 'interrupted';
  return stages.every(({ state }) => state === 'pending') ? 'new' : 'started';
}
