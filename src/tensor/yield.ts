/**
 * Lets timers, signals and messages run between two steps of a long loop: tensor operations are synchronous, so without
 * this a run could be neither watched nor stopped.
 */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
