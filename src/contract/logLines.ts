import type { PipelineEvent } from './events.js';
import type { LogLine } from './runViews.js';

/** The line that an event of the pipeline leaves in the log; null where it is told elsewhere. */
export function logLineOf(event: PipelineEvent, seq: number, at: string): LogLine | null {
  if (event.type === 'log') return { seq, at, level: event.level, message: event.message };
  if (event.type !== 'state') return null;
  return { seq, at, level: event.state === 'failed' ? 'error' : 'info', message: `${event.stage}: ${event.state}` };
}
