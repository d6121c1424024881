import type { ErrorDetails } from '../contract/errors.js';
import type { Project } from '../project/project.js';
import { holdJob, movedRecord, newRecord, type Job, type JobRequest } from './job.js';
import { isAtWork, type JobEvent } from './jobState.js';
import { JobStore } from './jobStore.js';
import { writeQueue, type QueueContent } from './queueFile.js';

export interface JobBookOptions {
  readonly queuePath: string;
  readonly now?: () => Date;
  readonly onJob: (job: Job) => void;
  readonly onQueue: () => void;
}

/** The jobs that are not over, in order, and their records on disk. Every change is on disk before it is announced. */
export class JobBook {
  jobs: Job[] = [];
  /** Ended because their host did; resuming the queue goes on with them. */
  broken: Job[] = [];
  /** Entries of the queue whose projects cannot be opened now, on a disk that is not connected, say; a later life may. */
  unreached: QueueContent['jobs'] = [];
  paused = false;

  constructor(private readonly options: JobBookOptions) {}

  find(path: string): Job | null {
    return this.jobs.find((job) => job.project.path === path) ?? null;
  }

  waiting(): Job[] {
    return this.jobs.filter(({ record }) => record.state === 'queued');
  }

  /** Whether the device is taken. */
  isBusy(): boolean {
    return this.jobs.some(({ record }) => isAtWork(record.state) || record.state === 'paused');
  }

  async enqueue(project: Project, request: JobRequest): Promise<Job> {
    const record = newRecord(project.file.config, request, this.now());
    await new JobStore(project.folder).write(record);
    const job = holdJob(record, project);
    this.jobs.push(job);
    // Whoever starts the project again has taken it up.
    this.broken = this.broken.filter((other) => other.project.path !== project.path);
    await this.save();
    this.options.onJob(job);
    return job;
  }

  /** Queues anew, before all that wait and with their own configs, the jobs that ended with their host. */
  async takeUpBroken(): Promise<void> {
    const again = this.broken.map(({ record, project }) =>
      holdJob(newRecord(record.config, { until: record.until }, this.now()), project),
    );
    for (const job of again) await this.write(job);
    this.insert(0, again);
    this.broken = [];
    await this.save();
  }

  /** Puts jobs among those that wait; position 0 = next. */
  insert(position: number, jobs: readonly Job[]): void {
    const first = this.jobs.findIndex(({ record }) => record.state === 'queued');
    this.jobs.splice(first === -1 ? this.jobs.length : first + position, 0, ...jobs);
  }

  drop(job: Job): void {
    this.jobs = this.jobs.filter((other) => other !== job);
  }

  async move(job: Job, event: JobEvent, error: ErrorDetails | null = null): Promise<void> {
    const record = movedRecord(job.record, event, error, this.now());
    if (record === job.record) return;
    job.record = record;
    await this.write(job);
  }

  async write(job: Job): Promise<void> {
    // A project folder that vanished or a full disk must not stop the queue.
    await new JobStore(job.project.folder).write(job.record).catch(() => undefined);
    this.options.onJob(job);
  }

  async save(): Promise<void> {
    await writeQueue(this.options.queuePath, {
      paused: this.paused,
      jobs: [
        ...[...this.jobs, ...this.broken].map(({ record, project }) => ({ job: record.id, project: project.path })),
        ...this.unreached,
      ],
    });
    this.options.onQueue();
  }

  now(): string {
    return (this.options.now?.() ?? new Date()).toISOString();
  }
}
