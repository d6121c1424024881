import type { AppEvent } from '../src/contract/api.js';
import type { JobState, JobView } from '../src/contract/jobs.js';
import type { Notice } from './notifications.js';

/** States in which a job has a process. */
const AT_WORK: ReadonlySet<JobState> = new Set(['starting', 'running', 'pausing', 'stopping']);

/** Follows the jobs through the application's events, and tells what the desktop makes of them. */
export interface JobSignals {
  readonly follow: (event: AppEvent) => void;
  /** The job that has a process, or null. */
  readonly jobAtWork: () => JobView | null;
}

export interface JobSignalListener {
  /** A job began to work or ceased. */
  readonly onChange: (atWork: JobView | null, last: JobView) => void;
  /** A job came to an end worth telling. */
  readonly onNotice: (notice: Notice) => void;
}

export function createJobSignals(listener: JobSignalListener): JobSignals {
  const jobs = new Map<string, JobView>();
  const jobAtWork = () => [...jobs.values()].find(({ state }) => AT_WORK.has(state)) ?? null;
  return {
    jobAtWork,
    follow(event) {
      if (event.type !== 'job') return;
      const { job } = event;
      const before = jobs.get(job.id);
      if (AT_WORK.has(job.state)) jobs.set(job.id, job);
      else jobs.delete(job.id);
      const notice = before === undefined ? null : noticeOf(job);
      if (notice !== null) listener.onNotice(notice);
      if (before?.state !== job.state) listener.onChange(jobAtWork(), job);
    },
  };
}

/** What to tell about a job that has just ceased to work. A pause or a stop was the user's own doing. */
function noticeOf({ state, projectName, error }: JobView): Notice | null {
  switch (state) {
    case 'finished':
      return { title: `${projectName} is finished`, body: 'The report is ready.' };
    case 'failed':
      return { title: `${projectName} failed`, body: error === null ? '' : `${error.message}; ${error.hint}` };
    case 'interrupted':
      return error === null
        ? null
        : { title: `${projectName} was interrupted`, body: `${error.message}; ${error.hint}` };
    default:
      return null;
  }
}
