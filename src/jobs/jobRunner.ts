import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, inputError } from '../contract/errors.js';
import type { PipelineEvent } from '../contract/events.js';
import { openProject, type Project } from '../project/project.js';
import { isProjectLocked } from '../project/projectLock.js';
import { AwakeTimer } from './awakeTimer.js';
import { holdJob, HOST_ENDED, STOPPED, type Job, type JobRequest } from './job.js';
import { JobBook } from './jobBook.js';
import { JobExecution } from './jobExecution.js';
import { isAtWork, isOver } from './jobState.js';
import { isProcessAlive, JobStore } from './jobStore.js';
import { readQueue } from './queueFile.js';
import { nextStart } from './queueOrder.js';
import type { SpawnEngine } from './spawnEngine.js';
import type { EnginePatience } from './superviseEngine.js';

export interface JobRunnerOptions {
  readonly queuePath: string;
  readonly spawn: SpawnEngine;
  /** Whether this process runs jobs; one that only edits the queue leaves that to a later one. True by default. */
  readonly runsJobs?: boolean;
  /** Whether lost engines are replaced. True by default. */
  readonly restarts?: boolean;
  readonly patience?: Partial<EnginePatience>;
  readonly now?: () => Date;
  /** A job moved on. */
  readonly onJob: (job: Job) => void;
  /** The memory of a job's engine was measured. */
  readonly onHeartbeat: (job: Job) => void;
  readonly onQueue: () => void;
  readonly onEvents: (job: Job, events: readonly PipelineEvent[]) => void;
}

/**
 * Runs jobs one at a time: they share one device. The first job of the list is at work or paused; the others wait in order. A
 * job that fails makes room for the next.
 */
export class JobRunner {
  private readonly book: JobBook;
  private readonly execution: JobExecution;
  private readonly runsJobs: boolean;
  private closing = false;
  /** Rings when a job that waits for its time may be due. */
  private alarm: AwakeTimer | null = null;
  /** Changes happen one after another, so that files and memory agree. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: JobRunnerOptions) {
    this.book = new JobBook(options);
    this.runsJobs = options.runsJobs ?? true;
    this.execution = new JobExecution({
      ...options,
      book: this.book,
      restarts: options.restarts ?? true,
      isClosing: () => this.closing,
      inTurn: (job, change) => this.inBackground(job, change),
      onEnd: (job) => this.leave(job),
    });
  }

  get isPaused(): boolean {
    return this.book.paused;
  }

  list(): readonly Job[] {
    return this.book.jobs;
  }

  /** Jobs that ended because their host did; resuming the queue goes on with them. */
  listInterrupted(): readonly Job[] {
    return this.book.broken;
  }

  /** The job of a project that is at work, else the first that waits. */
  find(path: string): Job | null {
    return this.book.find(path);
  }

  /**
   * Takes up what an earlier life of the host left: jobs whose process is gone become `interrupted`, waiting ones wait in a
   * paused queue until somebody resumes it.
   */
  recover(): Promise<void> {
    return this.inTurn(async () => {
      const { book } = this;
      const queue = await readQueue(this.options.queuePath);
      for (const entry of queue.jobs) {
        const project = await openProject(entry.project).catch(() => null);
        if (project === null) {
          book.unreached.push(entry);
          continue;
        }
        const record = await new JobStore(project.folder).read(entry.job);
        if (record === null) continue;
        const job = holdJob(record, project);
        if (isOver(record.state)) {
          if (record.error?.code === HOST_ENDED.code) book.broken.push(job);
          continue;
        }
        book.jobs.push(job);
        if (!isAtWork(record.state)) continue;
        if (isProcessAlive(record.process) && (await isProjectLocked(project))) void this.awaitOrphan(job);
        else await this.breakOff(job);
      }
      book.paused = queue.paused || (this.runsJobs && book.waiting().length > 0);
      await book.save();
    });
  }

  /**
   * Runs a project, or goes on with its paused job. A job of the project that is at work or waits is returned as it is.
   * Behind another job it waits.
   */
  start(project: Project, until: string | null): Promise<Job> {
    return this.inTurn(async () => {
      const current = this.find(project.path);
      if (current?.record.state === 'paused') await this.book.move(current, 'resume');
      const job = current ?? (await this.book.enqueue(project, { until }));
      // Somebody asked for this one: where nothing is in its way it starts even if the queue is paused.
      if (job.record.state === 'queued' && this.mayStart()) await this.launch(job);
      return job;
    });
  }

  /** Queues a run with the config as it is now; the same run is not queued twice, but gets the new start time. */
  add(project: Project, request: JobRequest): Promise<Job> {
    return this.inTurn(async () => {
      const config = JSON.stringify(project.file.config);
      const same = this.book
        .waiting()
        .find(
          ({ record, project: { path } }) =>
            path === project.path && record.until === request.until && JSON.stringify(record.config) === config,
        );
      const job = same ?? (await this.book.enqueue(project, request));
      if (same !== undefined) await this.setStart(same, request.startAfter ?? null);
      await this.next();
      return job;
    });
  }

  /**
   * Changes the time before which a waiting job is not started; null = as soon as it may.
   * @throws `JOB_NOT_WAITING`
   */
  schedule(id: string, startAfter: string | null): Promise<void> {
    return this.inTurn(async () => {
      await this.setStart(this.requireWaiting(id), startAfter);
      await this.next();
    });
  }

  /** @throws `JOB_NOT_ACTIVE` */
  pause(path: string): Promise<Job> {
    return this.inTurn(async () => {
      const job = this.require(path);
      await this.book.move(job, 'pause');
      if (job.record.state === 'pausing') await this.execution.end(job);
      return job;
    });
  }

  /** @throws `JOB_NOT_ACTIVE` */
  stop(path: string): Promise<Job> {
    return this.inTurn(async () => {
      const job = this.require(path);
      await this.book.move(job, 'stop', STOPPED);
      if (job.record.state === 'stopping') await this.execution.end(job);
      else await this.leave(job);
      return job;
    });
  }

  /** @throws `JOB_NOT_WAITING` */
  remove(id: string): Promise<void> {
    return this.inTurn(async () => {
      const { book } = this;
      if (book.broken.some(({ record }) => record.id === id)) {
        book.broken = book.broken.filter(({ record }) => record.id !== id);
        return book.save();
      }
      await this.takeOut(this.requireWaiting(id));
      await book.save();
      await this.next();
    });
  }

  /** Takes out everything that waits. */
  clear(): Promise<void> {
    return this.inTurn(async () => {
      for (const job of this.book.waiting()) await this.takeOut(job);
      this.book.broken = [];
      this.book.unreached = [];
      await this.book.save();
      await this.next();
    });
  }

  /** @throws `JOB_NOT_WAITING` */
  reorder(id: string, to: number): Promise<void> {
    return this.inTurn(async () => {
      const job = this.requireWaiting(id);
      this.book.drop(job);
      this.book.insert(to, [job]);
      await this.book.save();
    });
  }

  setPaused(paused: boolean): Promise<void> {
    return this.inTurn(async () => {
      this.book.paused = paused;
      if (!paused && this.runsJobs) await this.book.takeUpBroken();
      else await this.book.save();
      await this.next();
    });
  }

  /** Stops what is at work with a checkpoint and waits for it. The job is `interrupted` when the host comes back. */
  async close(): Promise<void> {
    this.closing = true;
    // A job that is being started has no engine yet.
    await this.turn;
    this.alarm?.cancel();
    for (const job of this.list()) this.execution.cancelRestart(job);
    const engines = this.list().flatMap((job) => job.engine ?? []);
    for (const engine of engines) engine.stop();
    await Promise.all(engines.map((engine) => engine.outcome));
    // What their ends changed is on disk when the host ends.
    await this.turn;
  }

  private mayStart(): boolean {
    return this.runsJobs && !this.closing && !this.book.isBusy();
  }

  /** Starts the next job where one may start, or waits for its time. */
  private async next(): Promise<void> {
    this.alarm?.cancel();
    this.alarm = null;
    if (this.isPaused || !this.mayStart()) return;
    const start = nextStart(this.list(), new Date(this.book.now()));
    if (start === null) return;
    if ('job' in start) return this.launch(start.job);
    this.alarm = new AwakeTimer(start.waitMs, () => void this.inTurn(() => this.next()).catch(() => undefined));
  }

  private async launch(job: Job): Promise<void> {
    this.book.jobs = [job, ...this.list().filter((other) => other !== job)];
    await this.book.move(job, 'spawn');
    await this.book.save();
    await this.execution.begin(job);
  }

  /** An engine that outlived its host is stopping by itself; its job is over when it is gone. */
  private async awaitOrphan(job: Job): Promise<void> {
    while (isProcessAlive(job.record.process) && !this.closing) await sleep(500, undefined, { ref: false });
    if (this.closing) return;
    this.inBackground(job, async () => {
      await this.breakOff(job);
      // The queue was resumed in the meantime: the job's turn is now.
      if (!this.isPaused && this.runsJobs) await this.book.takeUpBroken();
      else await this.book.save();
      await this.next();
    });
  }

  /** A job whose host ended is interrupted, and remembered for when the queue is resumed. */
  private async breakOff(job: Job): Promise<void> {
    await this.book.move(job, 'lost', HOST_ENDED);
    this.book.drop(job);
    this.book.broken.push(job);
  }

  private async takeOut(job: Job): Promise<void> {
    await this.book.move(job, 'stop', STOPPED);
    this.book.drop(job);
  }

  private async leave(job: Job): Promise<void> {
    if (isOver(job.record.state)) this.book.drop(job);
    await this.book.save();
    await this.next();
  }

  private async setStart(job: Job, startAfter: string | null): Promise<void> {
    job.record = { ...job.record, startAfter };
    await this.book.write(job);
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
    const job = this.book.waiting().find(({ record }) => record.id === id);
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
}
