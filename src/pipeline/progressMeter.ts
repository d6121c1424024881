import type { EventSink } from '../contract/events.js';

/**
 * Turns counts of finished work into progress events with a measured time to go: remaining units times the recent seconds
 * per unit. What is reported first after the start is not counted, because it holds what is done only once (recording a graph,
 * filling caches) and would promise hours for minutes; nor is the time before a resumed run. At most four events a second.
 */
export class ProgressMeter {
  private readonly marks: { at: number; done: number }[] = [];
  private lastEvent = -Infinity;
  /** Reports that told of progress. */
  private advances = 0;

  constructor(
    private readonly emit: EventSink,
    private readonly stage: string,
    private readonly unit: string,
    private readonly total: number,
    private readonly now: () => number = () => performance.now() / 1000,
  ) {}

  report(done: number): void {
    const at = this.now();
    if (this.marks.length > 0 && done > this.marks[this.marks.length - 1].done) this.advances += 1;
    // The time of the first advance is that of a start.
    if (this.advances === 1) this.marks.length = 0;
    this.marks.push({ at, done });
    // A window of the last 30 marks, but never shorter than 5 seconds, follows changes of speed without jumping.
    while (this.marks.length > 30 && at - this.marks[1].at > 5) this.marks.shift();
    if (done < this.total && at - this.lastEvent < 0.25) return;
    this.lastEvent = at;
    this.emit({
      type: 'progress',
      stage: this.stage,
      done,
      total: this.total,
      unit: this.unit,
      etaSeconds: this.eta(at, done),
    });
  }

  private eta(at: number, done: number): number | null {
    const first = this.marks[0];
    if (done <= first.done || at <= first.at) return done >= this.total ? 0 : null;
    return ((this.total - done) * (at - first.at)) / (done - first.done);
  }
}
