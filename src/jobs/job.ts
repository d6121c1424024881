import { randomBytes } from 'node:crypto';
import type { ErrorDetails } from '../contract/errors.js';
import type { JobRecord } from '../contract/jobs.js';
import type { Project } from '../project/project.js';
import type { AwakeTimer } from './awakeTimer.js';
import { isOver, nextJobState, type JobEvent } from './jobState.js';
import { Progress, Restarts } from './restarts.js';
import type { RunningEngine } from './superviseEngine.js';

/** A job that is not over, as the runner holds it. */
export interface Job {
  record: JobRecord;
  readonly project: Project;
  engine: RunningEngine | null;
  rssBytes: number | null;
  /** Runs while the next engine process of a lost one is awaited. */
  restart: AwakeTimer | null;
  readonly progress: Progress;
  readonly restarts: Restarts;
}

export function holdJob(record: JobRecord, project: Project): Job {
  return {
    record,
    project,
    engine: null,
    rssBytes: null,
    restart: null,
    progress: new Progress(),
    restarts: new Restarts(),
  };
}

/** What somebody asks for when a job is queued. */
export interface JobRequest {
  /** Last stage to run; null = all, with the report. */
  readonly until: string | null;
  /** ISO time before which the queue does not start it. */
  readonly startAfter?: string | null;
}

/** The record of a new job, with the config as it is now. Ids sort by time. */
export function newRecord(
  config: JobRecord['config'],
  { until, startAfter = null }: JobRequest,
  now: string,
): JobRecord {
  return {
    format: 'stepadapt-job',
    version: 1,
    id: `${now.replaceAll(/[^0-9]/g, '').slice(0, 17)}-${randomBytes(4).toString('hex')}`,
    state: 'queued',
    until,
    config,
    queuedAt: now,
    startAfter,
    startedAt: null,
    endedAt: null,
    process: null,
    restarts: [],
    error: null,
  };
}

/** The record after an event; the same object where the event changes nothing. */
export function movedRecord(record: JobRecord, event: JobEvent, error: ErrorDetails | null, now: string): JobRecord {
  const state = nextJobState(record.state, event);
  if (state === record.state) return record;
  const over = isOver(state);
  return {
    ...record,
    state,
    startedAt: record.startedAt ?? (state === 'starting' ? now : null),
    endedAt: over ? now : null,
    error: over && state !== 'finished' ? error : null,
  };
}

export const STOPPED: ErrorDetails = {
  code: 'INTERRUPTED',
  message: 'stopped on request',
  hint: 'start again to go on from the last checkpoint',
};

export const HOST_ENDED: ErrorDetails = {
  code: 'HOST_ENDED',
  message: 'the run was cut off when the program ended',
  hint: 'start again to go on from the last checkpoint',
};
