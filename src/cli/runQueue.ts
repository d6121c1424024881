import { createApplication, type Application } from '../app/application.js';
import { applicationFolder } from '../app/applicationFolder.js';
import type { AppEvent, StreamMessage } from '../contract/api.js';
import { interrupted } from '../contract/errors.js';
import { isOver } from '../jobs/jobState.js';
import type { JobView } from '../contract/jobs.js';
import type { OutputOptions } from './output.js';
import { openProgressView } from './progressView.js';
import { stopOnInterrupt } from './stopSignal.js';

/**
 * Runs the queue in this process until nothing is left in it. Other processes may change the queue meanwhile. Exit code 1
 * where a job failed or was given up.
 */
export async function runQueue(options: OutputOptions): Promise<void> {
  const app = await createApplication({ host: 'process', dataFolder: applicationFolder(), roots: null });
  const stop = stopOnInterrupt('stopping with a checkpoint; press Ctrl-C again to stop at once');
  const view = openProgressView(options);
  const say = (line: string) => view.emit({ type: 'log', level: 'info', message: line });
  const ended = new Map<string, JobView>();
  const states = new Map<string, string>();
  const take = (event: AppEvent) => {
    if (event.type === 'pipeline') view.emit(event.event);
    if (event.type !== 'job' || states.get(event.job.id) === event.job.state) return;
    const { job } = event;
    states.set(job.id, job.state);
    if (isOver(job.state)) ended.set(job.id, job);
    say(`${job.projectName}: ${job.state}${job.error === null ? '' : `: ${job.error.message}; ${job.error.hint}`}`);
  };
  const leave = app.subscribe((message: StreamMessage) => {
    if (message.type === 'events') message.events.forEach(take);
  });
  try {
    await app.call('queue.resume', {});
    await emptied(app, stop.signal);
    if (stop.signal.aborted) throw interrupted();
    const jobs = [...ended.values()];
    const bad = jobs.filter(({ state }) => state !== 'finished');
    if (bad.length > 0) process.exitCode = 1;
    say(`${jobs.length - bad.length} finished, ${bad.length} not`);
    if (options.json === true) view.emit({ type: 'result', result: { jobs } });
  } finally {
    await app.close();
    leave();
    view.close();
    stop.restore();
  }
}

/** Waits until no job is left, or somebody asks to stop. */
function emptied(app: Application, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      leave();
      resolve();
    };
    const look = async () => {
      const queue = await app.call('queue.list', {});
      if (queue.ok && queue.value.jobs.length === 0) done();
    };
    const leave = app.subscribe((message) => {
      if (message.type === 'events' && message.events.some(({ type }) => type === 'queue')) void look();
    });
    if (signal.aborted) done();
    else signal.addEventListener('abort', done);
    void look();
  });
}
