/**
 * Entry of an engine process: a plain Node child that does one thing for its host and ends. It stops with a checkpoint when
 * asked, on SIGTERM, and when its host is gone.
 */
import type { ExperimentConfig } from '../contract/config.js';
import { describeError, StepAdaptError } from '../contract/errors.js';
import type { PipelineEvent } from '../contract/events.js';
import { forecastRun } from '../pipeline/forecast.js';
import { designExperiment } from '../pipeline/design.js';
import { runPipeline } from '../pipeline/runPipeline.js';
import { drawSamples } from '../pipeline/drawSamples.js';
import { DrawRequests } from '../pipeline/drawRequests.js';
import { openProject, type Project } from '../project/project.js';
import { toEngineSchema, type EngineTask, type FromEngine, type MeasuredForecast, type ToEngine } from './messages.js';
import { safeParse } from '../contract/safeParse.js';
import { openEngineFor } from '../pipeline/openEngineFor.js';

const HEARTBEAT_MS = 2000;
/** Events are sent together, ten times a second at most. */
const BATCH_MS = 100;

const stopping = new AbortController();
const pending: PipelineEvent[] = [];
const draws = new DrawRequests();
let lastBatch = 0;
let started = false;

process.on('SIGTERM', stop);
process.on('disconnect', stop);
// Ctrl-C in a terminal reaches every process of the group; the host decides what it means.
process.on('SIGINT', () => undefined);
process.on('message', (raw) => {
  const parsed = safeParse(toEngineSchema, raw);
  if (!parsed.success) refuse();
  else if (parsed.data.type === 'stop') stop();
  else if (parsed.data.type === 'drawNow') void drawNow(parsed.data);
  else if (!started) {
    started = true;
    void work(parsed.data);
  }
});
const heartbeat = setInterval(() => say({ type: 'heartbeat', rssBytes: process.memoryUsage.rss() }), HEARTBEAT_MS);
const flushing = setInterval(flush, BATCH_MS);
say({ type: 'ready' });
// A host that ended while this program was being loaded did so before anybody listened.
if (!process.connected) stop();

function stop(): void {
  stopping.abort();
  if (!started) end({ type: 'stopped' });
}

/** A message that is not understood costs no work that is under way; without a task there is nothing to wait for. */
function refuse(): void {
  const message = 'a message of the host was not understood';
  if (started) emit({ type: 'log', level: 'warn', message: `${message} and changes nothing` });
  else {
    const hint = 'host and engine process are of different versions: run `npm run setup`, or install the program again';
    end({ type: 'failed', error: { code: 'HOST_GARBLED', message, hint } });
  }
}

async function work(task: EngineTask): Promise<void> {
  try {
    end({ type: 'finished', forecast: await carryOut(task) });
  } catch (error) {
    const stopped = error instanceof StepAdaptError && error.kind === 'interrupted';
    end(stopped ? { type: 'stopped' } : { type: 'failed', error: describeError(error) });
  }
}

function carryOut(task: EngineTask): Promise<MeasuredForecast | null> {
  switch (task.type) {
    case 'run':
      return run(task);
    case 'forecast':
      return forecast(task);
    case 'draw':
      return draw(task);
  }
}

async function openWith({ project, config }: { project: string; config: ExperimentConfig }): Promise<Project> {
  const opened = await openProject(project);
  return { ...opened, file: { ...opened.file, config } };
}

async function draw(task: Extract<EngineTask, { type: 'draw' }>): Promise<null> {
  const name = await drawSamples(await openWith(task), task, stopping.signal);
  say({ type: 'drawn', request: null, name });
  return null;
}

/** Answered by the training at its next update. */
async function drawNow({ request, seed, count }: Extract<ToEngine, { type: 'drawNow' }>): Promise<void> {
  try {
    say({ type: 'drawn', request, name: await draws.ask({ seed, count }) });
  } catch (error) {
    say({ type: 'notDrawn', request, error: describeError(error) });
  }
}

async function run(task: Extract<EngineTask, { type: 'run' }>): Promise<null> {
  const project = await openWith(task);
  await runPipeline(project, {
    emit,
    draws,
    signal: stopping.signal,
    ...(task.until === null ? {} : { until: task.until }),
  });
  if (task.until === null) {
    // Loaded here: the charts of reports take longer to load than everything that a training needs.
    const { writeProjectReport } = await import('../report/projectReport.js');
    await writeProjectReport(project);
  }
  return null;
}

async function forecast({ config }: Extract<EngineTask, { type: 'forecast' }>) {
  const design = designExperiment(config);
  await openEngineFor(config);
  return forecastRun(config, design);
}

function emit(event: PipelineEvent): void {
  pending.push(event);
  // The engine may hold the event loop for long, so timers alone would let events pile up.
  if (performance.now() - lastBatch >= BATCH_MS) flush();
}

function flush(): void {
  if (pending.length === 0) return;
  lastBatch = performance.now();
  say({ type: 'events', events: pending.splice(0) });
}

function say(message: FromEngine, done?: () => void): void {
  if (process.connected) process.send!(message, undefined, undefined, () => done?.());
  else done?.();
}

function end(message: FromEngine): void {
  clearInterval(heartbeat);
  clearInterval(flushing);
  flush();
  say(message, () => process.exit());
}
