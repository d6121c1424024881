import type { JobRecord, JobView } from '../contract/jobs.js';
import { describeError, StepAdaptError } from '../contract/errors.js';
import type { ProjectSummary, ProjectView, StageView } from '../contract/projectViews.js';
import { isAtWork, isOver } from '../jobs/jobState.js';
import { JobStore } from '../jobs/jobStore.js';
import type { Job } from '../jobs/job.js';
import { projectStatus } from '../pipeline/projectStatus.js';
import type { Project } from '../project/project.js';
import { isProjectLocked } from '../project/projectLock.js';
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

/** States of all stages. A run at work is shown by the config it runs with, which may no longer be the project's. */
export async function viewStages(project: Project, { job, feed }: LiveProject): Promise<StageView[]> {
  const atWork = job !== null && isAtWork(job.record.state);
  const shown = atWork ? { ...project, file: { ...project.file, config: job.record.config } } : project;
  const { stages } = await projectStatus(shown);
  return stages.map(({ id, state, progress, etaSeconds }): StageView => {
    const live = atWork && state === 'running' ? (feed?.stage(id) ?? null) : null;
    const work = live?.work ?? null;
    return {
      id,
      state,
      progress: work === null ? progress : work.done / Math.max(1, work.total),
      etaSeconds: live?.etaSeconds ?? etaSeconds,
      work,
    };
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
