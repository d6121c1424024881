import { hostname } from 'node:os';
import { isStorageTrouble, type ErrorDetails } from '../contract/errors.js';
import type { PipelineEvent } from '../contract/events.js';
import { AwakeTimer } from './awakeTimer.js';
import { movedRecord, STOPPED, type Job } from './job.js';
import type { JobBook } from './jobBook.js';
import { isOver } from './jobState.js';
import type { SpawnEngine } from './spawnEngine.js';
import { superviseEngine, type EngineOutcome, type EnginePatience } from './superviseEngine.js';

export interface JobExecutionOptions {
  readonly book: JobBook;
  readonly spawn: SpawnEngine;
  /** Whether lost engines are replaced. */
  readonly restarts: boolean;
  readonly patience?: Partial<EnginePatience>;
  readonly isClosing: () => boolean;
  /** Makes a change to a job when its turn comes. */
  readonly inTurn: (job: Job, change: () => Promise<void>) => void;
  /** The memory of the job's engine was measured. */
  readonly onHeartbeat: (job: Job) => void;
  readonly onEvents: (job: Job, events: readonly PipelineEvent[]) => void;
  /** The job is over or paused. */
  readonly onEnd: (job: Job) => Promise<void>;
}

/** Carries a job through its engine processes: one after the other, where the first is lost. */
export class JobExecution {
  constructor(private readonly options: JobExecutionOptions) {}

  /** Gives a job its engine process. */
  async begin(job: Job): Promise<void> {
    const { spawn, patience, book, inTurn, onHeartbeat, onEvents } = this.options;
    const engine = superviseEngine({
      spawn,
      task: { type: 'run', project: job.project.path, config: job.record.config, until: job.record.until },
      ...(patience === undefined ? {} : { patience }),
      listener: {
        onReady: () => inTurn(job, () => book.move(job, 'ready')),
        onEvents: (events) => {
          job.progress.take(events);
          onEvents(job, events);
        },
        onHeartbeat: (rssBytes) => {
          job.rssBytes = rssBytes;
          onHeartbeat(job);
        },
      },
    });
    job.engine = engine;
    job.record = { ...job.record, process: engine.pid === null ? null : { pid: engine.pid, host: hostname() } };
    await book.write(job);
    void engine.outcome.then((outcome) => inTurn(job, () => this.ended(job, outcome)));
  }

  /** Ends what a job that shall pause or stop is at: its engine, or its wait for the next one. */
  async end(job: Job): Promise<void> {
    if (job.engine !== null) return job.engine.stop();
    this.cancelRestart(job);
    await this.options.book.move(job, 'ended', STOPPED);
    await this.options.onEnd(job);
  }

  cancelRestart(job: Job): void {
    job.restart?.cancel();
    job.restart = null;
  }

  private async ended(job: Job, outcome: EngineOutcome): Promise<void> {
    const { book } = this.options;
    job.engine = null;
    job.rssBytes = null;
    job.record = { ...job.record, process: null };
    switch (outcome.kind) {
      case 'finished':
        await book.move(job, 'finish');
        break;
      case 'stopped':
        await book.move(job, 'ended', STOPPED);
        break;
      case 'failed':
        // A full or vanished disk is no failure of the run: it rests, with the reason, and goes on when it is started again.
        await book.move(job, isStorageTrouble(outcome.error) ? 'lost' : 'fail', outcome.error);
        break;
      case 'lost':
        if (await this.restart(job, outcome.error)) return;
        await book.move(job, 'lost', outcome.error);
        break;
    }
    if (isOver(job.record.state)) await this.options.onEnd(job);
  }

  /** Prepares another engine process for a job that lost its own; false where a person has to decide. */
  private async restart(job: Job, error: ErrorDetails): Promise<boolean> {
    const { book, inTurn, isClosing, onEvents } = this.options;
    const { state, restarts } = job.record;
    if (isClosing() || !this.options.restarts || (state !== 'starting' && state !== 'running')) return false;
    const next = job.restarts.next(restarts.length, error.code, job.progress.nextAttempt());
    if (next === null) return false;
    const record = { ...job.record, restarts: [...restarts, { at: book.now(), error }] };
    job.record = movedRecord(record, 'restart', null, book.now());
    await book.write(job);
    const { pauseMs, attempt, of } = next;
    const message = `${error.message}; started again from the last checkpoint in ${pauseMs / 1000} s (attempt ${attempt} of ${of} without progress)`;
    onEvents(job, [{ type: 'log', level: 'warn', message }]);
    const timer = new AwakeTimer(pauseMs, () =>
      inTurn(job, async () => {
        if (job.restart !== timer || isClosing()) return;
        job.restart = null;
        await this.begin(job);
      }),
    );
    job.restart = timer;
    return true;
  }
}
