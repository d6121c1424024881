/** What a running pipeline says. One line of `run --json` and one message to a window are the same object. */

export type StageState = 'pending' | 'running' | 'done' | 'stale' | 'failed' | 'interrupted';

export interface StateEvent {
  readonly type: 'state';
  readonly stage: string;
  readonly state: StageState;
}

export interface ProgressEvent {
  readonly type: 'progress';
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** What one unit of `done` is: `step`, `image`, `round`. */
  readonly unit: string;
  /** Seconds until the end of this stage, measured; null until enough was measured. */
  readonly etaSeconds: number | null;
}

export interface MetricEvent {
  readonly type: 'metric';
  readonly stage: string;
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

export interface SampleEvent {
  readonly type: 'sample';
  readonly stage: string;
  readonly step: number;
  /** Path of the PNG inside the project. */
  readonly path: string;
}

export interface LogEvent {
  readonly type: 'log';
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

export interface ResultEvent {
  readonly type: 'result';
  readonly result: unknown;
}

export type PipelineEvent = StateEvent | ProgressEvent | MetricEvent | SampleEvent | LogEvent | ResultEvent;

/** Receives events in order. Must not throw. */
export type EventSink = (event: PipelineEvent) => void;
