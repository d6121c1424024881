import type { PipelineEvent } from '../contract/events.js';

/** Restarts in a row that brought the work no further. */
const MOST_IN_VAIN = 3;
/** Restarts of one job altogether. */
const MOST = 50;
/** Milliseconds before the first, second, third restart in vain: what went wrong may pass (memory, a disk, a driver). */
const PAUSES_MS = [1000, 10_000, 60_000];

/** What would end the next attempt in the same way. */
const LASTING: ReadonlySet<string> = new Set([
  'OUT_OF_MEMORY',
  'DISK_FULL',
  'CUDA_LIBRARY_MISSING',
  'ENGINE_UNSUITED',
  'ENGINE_NOT_STARTED',
]);

/** How far the work of a job has come over all its attempts, by what its runs report. */
export class Progress {
  private readonly farthest = new Map<string, number>();
  private advanced = false;

  take(events: readonly PipelineEvent[]): void {
    for (const event of events) {
      if (event.type === 'progress') this.reach(`${event.stage} ${event.unit}`, event.done);
      else if (event.type === 'state' && event.state === 'done') this.reach(`${event.stage} done`, 1);
    }
  }

  /** Whether work was done that no earlier attempt had done. The next attempt begins with this call. */
  nextAttempt(): boolean {
    const { advanced } = this;
    this.advanced = false;
    return advanced;
  }

  /** The first report of an attempt says where it begins, so only what goes beyond the farthest known counts. */
  private reach(key: string, done: number): void {
    const before = this.farthest.get(key);
    if (before !== undefined && done <= before) return;
    this.farthest.set(key, done);
    this.advanced = true;
  }
}

/** Counts a job's restarts; a person decides after too many. */
export class Restarts {
  private inVain = 0;

  /**
   * What to do about an engine that was lost.
   * @param before restarts of the job so far
   * @param code of the error
   * @param hasAdvanced whether the attempt did work that no earlier one had done
   * @returns milliseconds to wait before the next attempt, and its number since the last progress; null = leave it to a person
   */
  next(
    before: number,
    code: string,
    hasAdvanced: boolean,
  ): { readonly pauseMs: number; readonly attempt: number; readonly of: number } | null {
    if (hasAdvanced) this.inVain = 0;
    if (LASTING.has(code) || this.inVain >= MOST_IN_VAIN || before >= MOST) return null;
    this.inVain += 1;
    return { pauseMs: PAUSES_MS[this.inVain - 1], attempt: this.inVain, of: MOST_IN_VAIN };
  }
}
