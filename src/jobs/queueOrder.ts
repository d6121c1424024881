import type { Job } from './job.js';

/**
 * Longest wait before the clock is read again, milliseconds. A wait for hours would not see a clock that was set, nor a
 * machine that slept.
 */
const MOST_WAIT_MS = 30_000;

/**
 * Which job starts next: the first in order that waits and is due. Where none is due, milliseconds until it is time to look
 * again; null where none waits.
 */
export function nextStart(jobs: readonly Job[], now: Date): { readonly job: Job } | { readonly waitMs: number } | null {
  const waiting = jobs.filter(({ record }) => record.state === 'queued');
  const untilDue = ({ record: { startAfter } }: Job) => (startAfter === null ? 0 : Date.parse(startAfter) - +now);
  const job = waiting.find((each) => untilDue(each) <= 0);
  if (job !== undefined) return { job };
  if (waiting.length === 0) return null;
  return { waitMs: Math.min(...waiting.map(untilDue), MOST_WAIT_MS) };
}
