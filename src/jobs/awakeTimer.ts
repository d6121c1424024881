/** A wait is counted in parts of this length, milliseconds. */
const PART_MS = 5000;

/**
 * A wait that counts only time in which this process ran. Each part of the wait that ends counts for its own length, however
 * long it took by any clock: a machine that slept for a night, a stopped process or a clock that was set forward takes away
 * one part at most. Time in which the process was too busy to notice counts less than it took; the wait is never too short.
 */
export class AwakeTimer {
  private timer: NodeJS.Timeout | null = null;
  private left = 0;
  private part = 0;

  /**
   * @param ms length of the wait, milliseconds
   * @param act called once, when the wait is over
   */
  constructor(
    private readonly ms: number,
    private readonly act: () => void,
  ) {
    this.restart();
  }

  /** Begins to wait from the start again. */
  restart(): void {
    // A part that is under way goes on and does not count, so that restarting costs nothing however often it happens.
    this.left = this.ms + (this.timer === null ? 0 : this.part);
    this.timer ??= this.wait();
  }

  cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private wait(): NodeJS.Timeout {
    this.part = Math.min(this.left, PART_MS);
    return setTimeout(() => {
      this.left -= this.part;
      this.timer = this.left > 0 ? this.wait() : null;
      if (this.timer === null) this.act();
    }, this.part);
  }
}
