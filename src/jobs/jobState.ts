import type { JobState } from '../contract/jobs.js';

/**
 * What can happen to a job. `ended` = the engine process stopped as asked, with a checkpoint; `lost` = it is gone without a
 * word; `restart` = it is gone and gets a successor; `failed` = the pipeline said why it cannot go on.
 */
export type JobEvent =
  'spawn' | 'ready' | 'pause' | 'resume' | 'stop' | 'finish' | 'fail' | 'ended' | 'lost' | 'restart';

const TRANSITIONS: Readonly<Record<JobState, Readonly<Partial<Record<JobEvent, JobState>>>>> = {
  queued: { spawn: 'starting', stop: 'interrupted' },
  starting: {
    ready: 'running',
    pause: 'pausing',
    stop: 'stopping',
    finish: 'finished',
    fail: 'failed',
    ended: 'interrupted',
    lost: 'interrupted',
  },
  running: {
    pause: 'pausing',
    stop: 'stopping',
    finish: 'finished',
    fail: 'failed',
    ended: 'interrupted',
    lost: 'interrupted',
    restart: 'starting',
  },
  pausing: { stop: 'stopping', finish: 'finished', fail: 'failed', ended: 'paused', lost: 'interrupted' },
  paused: { resume: 'queued', stop: 'interrupted' },
  stopping: { finish: 'finished', fail: 'failed', ended: 'interrupted', lost: 'interrupted' },
  finished: {},
  failed: {},
  interrupted: {},
};

/** The state after an event. An event that is illegal in a state changes nothing: the same state is returned. */
export function nextJobState(state: JobState, event: JobEvent): JobState {
  return TRANSITIONS[state][event] ?? state;
}

/** Whether the job has an engine process, or is about to have one. */
export function isAtWork(state: JobState): boolean {
  return state === 'starting' || state === 'running' || state === 'pausing' || state === 'stopping';
}

/** Whether nothing can happen to the job any more. A new job goes on from its checkpoints. */
export function isOver(state: JobState): boolean {
  return state === 'finished' || state === 'failed' || state === 'interrupted';
}
