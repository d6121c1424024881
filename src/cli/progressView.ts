import { SingleBar } from 'cli-progress';
import type { EventSink, PipelineEvent } from '../contract/events.js';
import type { OutputOptions } from './output.js';

/** Shows a running pipeline: JSON lines with `--json`, a bar with time to go on a terminal, plain lines elsewhere. */
export interface ProgressView {
  readonly emit: EventSink;
  /** Leaves the terminal clean. */
  close(): void;
}

export function openProgressView(options: OutputOptions): ProgressView {
  if (options.json === true) {
    return { emit: (event) => process.stdout.write(`${JSON.stringify(event)}\n`), close: () => undefined };
  }
  return process.stderr.isTTY ? barView() : lineView();
}

/** Seconds between plain progress lines, so that a log file of a long run stays readable. */
const SECONDS_BETWEEN_LINES = 10;

function barView(): ProgressView {
  let bar: SingleBar | null = null;
  const stop = () => {
    bar?.stop();
    bar = null;
  };
  return {
    emit(event) {
      if (event.type === 'progress') {
        if (bar === null || bar.getTotal() !== event.total) {
          stop();
          bar = new SingleBar({ format: '{stage} [{bar}] {value}/{total} {unit}s, {left}', stream: process.stderr });
          bar.start(event.total, event.done);
        }
        bar.update(event.done, { stage: event.stage, unit: event.unit, left: timeLeft(event.etaSeconds) });
        return;
      }
      const line = eventLine(event);
      if (line === null) return;
      stop();
      process.stderr.write(`${line}\n`);
    },
    close: stop,
  };
}

function lineView(): ProgressView {
  let lastLine = -Infinity;
  return {
    emit(event) {
      if (event.type === 'progress') {
        const now = performance.now() / 1000;
        if (event.done < event.total && now - lastLine < SECONDS_BETWEEN_LINES) return;
        lastLine = now;
        const { stage, done, total, unit, etaSeconds } = event;
        process.stderr.write(`${stage}: ${done} of ${total} ${unit}s, ${timeLeft(etaSeconds)}\n`);
        return;
      }
      const line = eventLine(event);
      if (line !== null) process.stderr.write(`${line}\n`);
    },
    close: () => undefined,
  };
}

function eventLine(event: PipelineEvent): string | null {
  switch (event.type) {
    case 'state':
      return `${event.stage}: ${event.state}`;
    case 'log':
      return event.level === 'info' ? event.message : `${event.level}: ${event.message}`;
    default:
      return null;
  }
}

function timeLeft(seconds: number | null): string {
  return seconds === null ? 'time to go unknown yet' : `${formatDuration(seconds)} to go`;
}

/** `45 s`, `12 min`, `3 h 20 min`, `4 d 6 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
