import type { AppEvent } from '../../src/contract/api.js';
import type { PipelineEvent } from '../../src/contract/events.js';
import { logLineOf } from '../../src/contract/logLines.js';
import type { JobView } from '../../src/contract/jobs.js';
import type { StageView } from '../../src/contract/projectViews.js';
import type { DrawnSample, LogLine, MetricSeries, RunSnapshot, SampleView } from '../../src/contract/runViews.js';

/**
 * What a window knows of one project's run: a snapshot, then the events after it. Pure transitions; events that the snapshot
 * already contains, and events of other projects, change nothing.
 */
export interface RunFeed {
  readonly projectId: string;
  readonly epoch: string;
  readonly seq: number;
  readonly job: JobView | null;
  readonly stages: readonly StageView[];
  /** As of the snapshot. */
  readonly time: RunSnapshot['time'];
  readonly metrics: readonly MetricSeries[];
  readonly samples: readonly SampleView[];
  /** Grids that somebody asked for, oldest first. */
  readonly drawn: readonly DrawnSample[];
  readonly log: readonly LogLine[];
  /** Updates per second of the stage at work, measured here; null until two progress events came. */
  readonly speed: Speed | null;
}

export interface Speed {
  readonly stage: string;
  readonly perSecond: number;
  readonly unit: string;
  readonly since: { readonly at: number; readonly done: number };
}

/** Bounds of what is kept while a run goes on for days. */
const MOST_POINTS = 2000;
const MOST_LOG_LINES = 500;
const SPEED_WINDOW_MS = 15_000;

export function feedFromSnapshot(projectId: string, snapshot: RunSnapshot): RunFeed {
  const { epoch, seq, job, stages, time, metrics, samples, drawn, log } = snapshot;
  return { projectId, epoch, seq, job, stages, time, metrics, samples, drawn, log, speed: null };
}

/** Applies events in order. */
export function advance(feed: RunFeed, events: readonly AppEvent[]): RunFeed {
  let next = feed;
  for (const event of events) {
    if (event.seq <= next.seq) continue;
    next = { ...apply(next, event), seq: event.seq };
  }
  return next;
}

function apply(before: RunFeed, event: AppEvent): RunFeed {
  const feed = withLogLine(before, event);
  if (event.type === 'job') return event.projectId === feed.projectId ? { ...feed, job: event.job } : feed;
  if (event.type !== 'pipeline' || event.projectId !== feed.projectId) return feed;
  const { event: happened, at } = event;
  switch (happened.type) {
    case 'state':
      return {
        ...feed,
        stages: withStage(feed.stages, happened.stage, (stage) => ({
          ...stage,
          state: happened.state,
          progress: happened.state === 'done' ? 1 : stage.progress,
          etaSeconds: happened.state === 'done' ? 0 : null,
          work: happened.state === 'running' ? stage.work : null,
        })),
      };
    case 'progress': {
      const { stage: id, done, total, unit, etaSeconds } = happened;
      return {
        ...feed,
        speed: measureSpeed(feed.speed, { stage: id, done, unit, at: Date.parse(at) }),
        stages: withStage(feed.stages, id, (stage) => ({
          ...stage,
          state: 'running',
          progress: total === 0 ? 0 : Math.min(1, done / total),
          etaSeconds,
          work: { done, total, unit },
        })),
      };
    }
    case 'metric':
      return { ...feed, metrics: withMetric(feed.metrics, happened, Date.parse(at)) };
    case 'sample': {
      const { stage, step, path } = happened;
      const others = feed.samples.filter((sample) => sample.stage !== stage || sample.step !== step);
      return { ...feed, samples: [...others, { stage, step, image: path }] };
    }
    case 'log':
    case 'result':
      return feed;
  }
}

function withLogLine(feed: RunFeed, event: AppEvent): RunFeed {
  if (event.type !== 'pipeline' || event.projectId !== feed.projectId) return feed;
  const line = logLineOf(event.event, event.seq, event.at);
  return line === null ? feed : { ...feed, log: [...feed.log, line].slice(-MOST_LOG_LINES) };
}

function withStage(
  stages: readonly StageView[],
  id: string,
  change: (stage: StageView) => StageView,
): readonly StageView[] {
  return stages.map((stage) => (stage.id === id ? change(stage) : stage));
}

function withMetric(
  all: readonly MetricSeries[],
  { stage, step, values }: Extract<PipelineEvent, { type: 'metric' }>,
  at: number,
): readonly MetricSeries[] {
  const { loss } = values;
  if (loss === undefined) return all;
  const series = all.find((candidate) => candidate.stage === stage) ?? emptySeries(stage);
  // After a resume the updates since the last checkpoint are computed, and reported, a second time.
  const kept = series.steps.findIndex((known) => known >= step);
  const length = kept === -1 ? series.steps.length : kept;
  const append = <T>(column: readonly T[], value: T): T[] => [...column.slice(0, length), value];
  const lastAt = series.at[length - 1] ?? null;
  const lastElapsed = series.elapsed[length - 1] ?? null;
  const grown: MetricSeries = {
    stage,
    steps: append(series.steps, step),
    loss: append(series.loss, loss),
    gradientNorm: append(series.gradientNorm, values['gradientNorm'] ?? Number.NaN),
    learningRate: append(series.learningRate, values['learningRate'] ?? Number.NaN),
    at: append(series.at, at),
    // The next snapshot knows of pauses in between.
    elapsed: append(
      series.elapsed,
      lastAt === null || lastElapsed === null ? null : lastElapsed + Math.max(0, at - lastAt) / 1000,
    ),
    lossByTimestep: [...series.lossByTimestep.slice(0, length), []],
  };
  return [...all.filter((candidate) => candidate.stage !== stage), thin(grown)];
}

function emptySeries(stage: string): MetricSeries {
  return { stage, steps: [], loss: [], gradientNorm: [], learningRate: [], at: [], elapsed: [], lossByTimestep: [] };
}

/** Every second older point goes when there are too many; the newest quarter stays whole. */
function thin(series: MetricSeries): MetricSeries {
  const { length } = series.steps;
  if (length <= MOST_POINTS) return series;
  const recent = Math.floor(length * 0.75);
  const keep = <T>(column: readonly T[]): T[] => column.filter((_, index) => index >= recent || index % 2 === 0);
  return {
    stage: series.stage,
    steps: keep(series.steps),
    loss: keep(series.loss),
    gradientNorm: keep(series.gradientNorm),
    learningRate: keep(series.learningRate),
    at: keep(series.at),
    elapsed: keep(series.elapsed),
    lossByTimestep: keep(series.lossByTimestep),
  };
}

function measureSpeed(
  previous: Speed | null,
  { stage, done, unit, at }: { stage: string; done: number; unit: string; at: number },
): Speed | null {
  const fresh: Speed = { stage, perSecond: 0, unit, since: { at, done } };
  if (previous === null || previous.stage !== stage || previous.unit !== unit || done < previous.since.done)
    return fresh;
  const elapsed = at - previous.since.at;
  if (elapsed <= 0) return previous;
  const perSecond = (1000 * (done - previous.since.done)) / elapsed;
  // A window that moves in jumps: recent enough to follow a slow-down, long enough to be calm.
  return elapsed > SPEED_WINDOW_MS ? { ...fresh, perSecond } : { ...previous, perSecond };
}

/** Seconds to the end of what is known to run, from the stage at work. */
export function runningStage(stages: readonly StageView[]): StageView | null {
  return stages.find(({ state }) => state === 'running') ?? null;
}

/** Fraction of the stages done, 0..1, each stage counting the same. */
export function overallProgress(stages: readonly StageView[]): number {
  if (stages.length === 0) return 0;
  return (
    stages.reduce((sum, { state, progress }) => sum + (state === 'done' ? 1 : state === 'stale' ? 0 : progress), 0) /
    stages.length
  );
}
