import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, inputError } from '../contract/errors.js';
import type { PipelineEvent } from '../contract/events.js';
import type { JobRecord } from '../contract/jobs.js';
import { openProject, type Project } from '../project/project.js';
import { isProjectLocked } from '../project/projectLock.js';
import { isAtWork, isOver, nextJobState, type JobEvent } from './jobState.js';
import { isProcessAlive, JobStore } from './jobStore.js';
import { readQueue, writeQueue } from './queueFile.js';
import type { SpawnEngine } from './spawnEngine.js';
import { superviseEngine, type EngineOutcome, type EnginePatience, type RunningEngine } from './superviseEngine.js';

/** A job that is not over, as the runner holds it. */
export interface Job {
  record: JobRecord;
  readonly project: Project;
  engine: RunningEngine | null;
  rssBytes: number | null;
}

export interface JobRunnerOptions {
  readonly queuePath: string;
  readonly spawn: SpawnEngine;
  readonly patience?: Partial<EnginePatience>;
  readonly now?: () => Date;
  readonly onJob: (job: Job) => void;
  readonly onQueue: () => void;
  readonly onEvents: (job: Job, events: readonly PipelineEvent[]) => void;
}

/**
 * Runs jobs one at a time. The first job of the list is at work or paused; the others wait in order. A job that fails makes
 * room for the next. Every change is on disk before it is announced.
 */
export class JobRunner {
  private jobs: Job[] = [];
  private paused = false;
  private closing = false;
  /** Changes happen one after another, so that files and memory agree. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: JobRunnerOptions) {}

  get isPaused(): boolean {
    return this.paused;
  }

  list(): readonly Job[] {
    return this.jobs;
  }

  /** The job of a project that is at work, else the first that waits. */
  find(path: string): Job | null {
    return this.jobs.find((job) => job.project.path === path) ?? null;
  }

  /**
   * Takes up what an earlier life of the host left: jobs whose process is gone become `interrupted`, waiting ones wait in a
   * paused queue until somebody resumes it.
   */
  recover(): Promise<void> {
    return this.inTurn(async () => {
      const queue = await readQueue(this.options.queuePath);
      for (const entry of queue.jobs) {
        const project = await openProject(entry.project).catch(() => null);
        if (project === null) continue;
        const record = await new JobStore(project.folder).read(entry.job);
        if (record === null || isOver(record.state)) continue;
        const job: Job = { record, project, engine: null, rssBytes: null };
        this.jobs.push(job);
        if (!isAtWork(record.state)) continue;
        if (isProcessAlive(record.process) && (await isProjectLocked(project))) void this.awaitOrphan(job);
        else await this.move(job, 'lost', HOST_ENDED);
      }
      this.paused = queue.paused || this.jobs.some((job) => job.record.state === 'queued');
      this.jobs = this.jobs.filter((job) => !isOver(job.record.state));
      await this.save();
    });
  }

  /**
   * Runs a project, or goes on with its paused job. A job of the project that is at work or waits is returned as it is.
   * Behind another job it waits.
   */
  start(project: Project, until: string | null): Promise<Job> {
    return this.inTurn(async () => {
      const current = this.find(project.path);
      if (current?.record.state === 'paused') await this.move(current, 'resume');
      const job = current ?? (await this.enqueue(project, until));
      // Somebody asked for this one: where nothing is in its way it starts even if the queue is paused.
      if (job.record.state === 'queued' && !this.closing && !this.isBusy()) await this.launch(job);
      return job;
    });
  }

  /** Queues a run with the config as it is now; the same run is not queued twice. */
  add(project: Project, until: string | null): Promise<Job> {
    return this.inTurn(async () => {
      const config = JSON.stringify(project.file.config);
      const same = this.jobs.find(
        ({ record, project: { path } }) =>
          path === project.path &&
          record.state === 'queued' &&
          record.until === until &&
          JSON.stringify(record.config) === config,
      );
      const job = same ?? (await this.enqueue(project, until));
      await this.next();
      return job;
    });
  }

  pause(path: string): Promise<Job> {
    return this.inTurn(async () => {
      const job = this.require(path);
      await this.move(job, 'pause');
      if (job.record.state === 'pausing') job.engine?.stop();
      return job;
    });
  }

  stop(path: string): Promise<Job> {
    return this.inTurn(async () => {
      const job = this.require(path);
      await this.move(job, 'stop', STOPPED);
      if (job.record.state === 'stopping') job.engine?.stop();
      else await this.leave(job);
      return job;
    });
  }

  /** @throws `JOB_NOT_WAITING` */
  remove(id: string): Promise<void> {
    return this.inTurn(async () => {
      const job = this.requireWaiting(id);
      await this.move(job, 'stop', STOPPED);
      await this.leave(job);
    });
  }

  /** @throws `JOB_NOT_WAITING` */
  reorder(id: string, to: number): Promise<void> {
    return this.inTurn(async () => {
      const job = this.requireWaiting(id);
      const others = this.jobs.filter((other) => other !== job);
      const first = others.findIndex((other) => other.record.state === 'queued');
      others.splice(first === -1 ? others.length : first + to, 0, job);
      this.jobs = others;
      await this.save();
    });
  }

  setPaused(paused: boolean): Promise<void> {
    return this.inTurn(async () => {
      this.paused = paused;
      await this.save();
      await this.next();
    });
  }

  /** Stops what is at work with a checkpoint and waits for it. The job is `interrupted` when the host comes back. */
  async close(): Promise<void> {
    this.closing = true;
    // A job that is being started has no engine yet.
    await this.turn;
    const engines = this.jobs.flatMap((job) => job.engine ?? []);
    for (const engine of engines) engine.stop();
    await Promise.all(engines.map((engine) => engine.outcome));
    // What their ends changed is on disk when the host ends.
    await this.turn;
  }

  private isBusy(): boolean {
    return this.jobs.some(({ record }) => isAtWork(record.state) || record.state === 'paused');
  }

  private async enqueue(project: Project, until: string | null): Promise<Job> {
    const now = this.now();
    const record: JobRecord = {
      format: 'stepadapt-job',
      version: 1,
      id: `${now.replaceAll(/[^0-9]/g, '').slice(0, 17)}-${randomBytes(4).toString('hex')}`,
      state: 'queued',
      until,
      config: project.file.config,
      queuedAt: now,
      startedAt: null,
      endedAt: null,
      process: null,
      error: null,
    };
    await new JobStore(project.folder).write(record);
    const job: Job = { record, project, engine: null, rssBytes: null };
    this.jobs.push(job);
    await this.save();
    this.options.onJob(job);
    return job;
  }

  /** Starts the next job where one may start. */
  private async next(): Promise<void> {
    if (this.closing || this.paused || this.isBusy()) return;
    const job = this.jobs.find(({ record }) => record.state === 'queued');
    if (job !== undefined) await this.launch(job);
  }

  private async launch(job: Job): Promise<void> {
    this.jobs = [job, ...this.jobs.filter((other) => other !== job)];
    await this.move(job, 'spawn');
    await this.save();
    const engine = superviseEngine({
      spawn: this.options.spawn,
      task: { type: 'run', project: job.project.path, config: job.record.config, until: job.record.until },
      ...(this.options.patience === undefined ? {} : { patience: this.options.patience }),
      listener: {
        onReady: () => this.inBackground(job, () => this.move(job, 'ready')),
        onEvents: (events) => this.options.onEvents(job, events),
        onHeartbeat: (rssBytes) => {
          job.rssBytes = rssBytes;
          this.options.onJob(job);
        },
      },
    });
    job.engine = engine;
    job.record = { ...job.record, process: engine.pid === null ? null : { pid: engine.pid, host: hostname() } };
    await this.write(job);
    void engine.outcome.then((outcome) => this.inBackground(job, () => this.ended(job, outcome)));
  }

  private async ended(job: Job, outcome: EngineOutcome): Promise<void> {
    job.engine = null;
    job.rssBytes = null;
    job.record = { ...job.record, process: null };
    switch (outcome.kind) {
      case 'finished':
        await this.move(job, 'finish');
        break;
      case 'stopped':
        await this.move(job, 'ended', STOPPED);
        break;
      case 'failed':
        await this.move(job, 'fail', outcome.error);
        break;
      case 'lost':
        await this.move(job, 'lost', outcome.error);
        break;
    }
    if (isOver(job.record.state)) await this.leave(job);
  }

  /** An engine that outlived its host is stopping by itself; its job is over when it is gone. */
  private async awaitOrphan(job: Job): Promise<void> {
    while (isProcessAlive(job.record.process) && !this.closing) await sleep(500, undefined, { ref: false });
    if (this.closing) return;
    this.inBackground(job, async () => {
      await this.move(job, 'lost', HOST_ENDED);
      await this.leave(job);
    });
  }

  private async leave(job: Job): Promise<void> {
    this.jobs = this.jobs.filter((other) => other !== job);
    await this.save();
    await this.next();
  }

  private async move(job: Job, event: JobEvent, error: JobRecord['error'] = null): Promise<void> {
    const state = nextJobState(job.record.state, event);
    if (state === job.record.state) return;
    const over = isOver(state);
    job.record = {
      ...job.record,
      state,
      startedAt: job.record.startedAt ?? (state === 'starting' ? this.now() : null),
      endedAt: over ? this.now() : null,
      error: over && state !== 'finished' ? error : null,
    };
    await this.write(job);
  }

  private async write(job: Job): Promise<void> {
    // A project folder that vanished or a full disk must not stop the queue.
    await new JobStore(job.project.folder).write(job.record).catch(() => undefined);
    this.options.onJob(job);
  }

  private async save(): Promise<void> {
    await writeQueue(this.options.queuePath, {
      paused: this.paused,
      jobs: this.jobs.map(({ record, project }) => ({ job: record.id, project: project.path })),
    });
    this.options.onQueue();
  }

  private require(path: string): Job {
    const job = this.find(path);
    if (job === null) {
      throw inputError('JOB_NOT_ACTIVE', 'nothing of this project is running or waiting', 'start a run first');
    }
    return job;
  }

  private requireWaiting(id: string): Job {
    const job = this.jobs.find(({ record }) => record.id === id && record.state === 'queued');
    if (job === undefined) {
      throw inputError('JOB_NOT_WAITING', 'this job does not wait in the queue', 'stop a job at work instead');
    }
    return job;
  }

  private inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.turn.then(change);
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** A change that nobody waits for; what goes wrong is said in the job's log. */
  private inBackground(job: Job, change: () => Promise<void>): void {
    this.inTurn(change).catch((error: unknown) => {
      this.options.onEvents(job, [{ type: 'log', level: 'error', message: describeError(error).message }]);
    });
  }

  private now(): string {
    return (this.options.now?.() ?? new Date()).toISOString();
  }
}

const STOPPED = {
  code: 'INTERRUPTED',
  message: 'stopped on request',
  hint: 'start again to go on from the last checkpoint',
};
const HOST_ENDED = {
  code: 'HOST_ENDED',
  message: 'the run was cut off when the program ended',
  hint: 'start again to go on from the last checkpoint',
};
