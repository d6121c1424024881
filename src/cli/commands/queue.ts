import { resolve } from 'node:path';
import type { Command } from 'commander';
import { inputError } from '../../contract/errors.js';
import type { JobView, QueueView } from '../../contract/jobs.js';
import { badOption, countOption } from '../options.js';
import { printResult, type OutputOptions } from '../output.js';
import { withQueue, type QueueAccess } from '../queueAccess.js';
import { runQueue } from '../runQueue.js';
import { formatTable } from '../table.js';

interface AddOptions extends OutputOptions {
  readonly until?: string;
  readonly startAt?: string;
}

export function registerQueueCommand(program: Command): void {
  const queue = program.command('queue').description('the overnight queue, shared with the window');
  const add = (name: string, description: string) =>
    queue.command(name).description(description).option('--json', 'print JSON');

  add('add', 'put projects into the queue, with their configs as they are now')
    .argument('<project...>', 'project folders or .stepadapt files')
    .option('--until <stage>', 'stop after this stage')
    .option('--start-at <time>', 'not before: 22:30, 2026-12-01T22:30, or +90 (minutes from now)', (text: string) =>
      startTime(text),
    )
    .action((paths: string[], options: AddOptions) =>
      change(options, async ({ ask }) => {
        const ids = [];
        // Nothing is queued where one of them cannot be opened.
        for (const path of paths) ids.push((await ask('projects.open', { path: resolve(path) })).id);
        for (const id of ids) {
          await ask('queue.add', {
            id,
            ...(options.until === undefined ? {} : { until: options.until }),
            ...(options.startAt === undefined ? {} : { startAfter: options.startAt }),
          });
        }
      }),
    );
  add('list', 'what is at work and what waits').action((options: OutputOptions) => change(options, async () => {}));
  add('pause', 'start nothing new; the job at work goes on').action((options: OutputOptions) =>
    change(options, ({ ask }) => ask('queue.pause', {})),
  );
  add('resume', 'go on with what waits').action((options: OutputOptions) =>
    change(options, ({ ask }) => ask('queue.resume', {})),
  );
  add('remove', 'take out a job that waits')
    .argument('<job>', 'its number, name or id, as listed')
    .action((job: string, options: OutputOptions) =>
      change(options, async ({ ask }) => ask('queue.remove', { job: findJob(await ask('queue.list', {}), job).id })),
    );
  add('move', 'give a job that waits another place')
    .argument('<job>', 'its number, name or id, as listed')
    .argument('<place>', 'place among those that wait, 1 = next', countOption('place', 1))
    .action((job: string, place: number, options: OutputOptions) =>
      change(options, async ({ ask }) =>
        ask('queue.move', { job: findJob(await ask('queue.list', {}), job).id, to: place - 1 }),
      ),
    );
  add('schedule', 'set the time before which a job that waits is not started')
    .argument('<job>', 'its number, name or id, as listed')
    .argument('<time>', '22:30, 2026-12-01T22:30, +90 (minutes from now), or now')
    .action((job: string, time: string, options: OutputOptions) =>
      change(options, async ({ ask }) => {
        const startAfter = time === 'now' ? null : startTime(time);
        return ask('queue.schedule', { job: findJob(await ask('queue.list', {}), job).id, startAfter });
      }),
    );
  add('clear', 'take out everything that waits').action((options: OutputOptions) =>
    change(options, ({ ask }) => ask('queue.clear', {})),
  );
  add('run', 'run what is queued, here, until nothing is left; Ctrl-C stops with a checkpoint').action(runQueue);
}

/** Does something to the queue and prints what it is then. */
async function change(options: OutputOptions, act: (queue: QueueAccess) => Promise<unknown>): Promise<void> {
  await withQueue(async (queue) => {
    await act(queue);
    const view = await queue.ask('queue.list', {});
    printResult(options, { ...view, hasHost: queue.hasHost }, () => describeQueue(view, queue.hasHost));
  });
}

function describeQueue({ paused, jobs, interrupted }: QueueView, hasHost: boolean): string {
  const lines: string[] = [];
  if (jobs.length > 0) {
    const row = (job: JobView, index: number) => [
      String(index + 1),
      job.projectName,
      job.state === 'queued' && job.startAfter !== null ? `not before ${localTime(job.startAfter)}` : job.state,
      job.until === null ? 'whole run' : `until ${job.until}`,
      job.id,
    ];
    lines.push(formatTable(['no.', 'project', 'state', 'stages', 'id'], jobs.map(row)));
  } else lines.push('nothing is queued');
  for (const { projectName } of interrupted) {
    lines.push(`${projectName}: cut off when its program ended; goes on first when the queue is resumed`);
  }
  if (paused) lines.push('the queue is paused: `stepadapt queue resume` goes on');
  if (!hasHost && jobs.length + interrupted.length > 0) {
    lines.push('nothing runs the queue now: `stepadapt queue run`, the window, or `stepadapt serve` does');
  }
  return lines.join('\n');
}

/**
 * The job that a person means: its number in the list, the name of its project, or its id or the beginning of it.
 * @throws input error `JOB_UNKNOWN`
 */
function findJob({ jobs, interrupted }: QueueView, wanted: string): JobView {
  const byNumber = /^\d{1,4}$/.test(wanted) ? jobs[Number(wanted) - 1] : undefined;
  if (byNumber !== undefined) return byNumber;
  const all = [...jobs, ...interrupted];
  // A project may be at work and wait again; only what waits can be changed.
  const named = all.filter(({ projectName }) => projectName === wanted);
  const found = named.find(({ state }) => state === 'queued') ?? named[0];
  const byId = wanted.length >= 8 ? all.filter(({ id }) => id.startsWith(wanted)) : [];
  if (found !== undefined) return found;
  if (byId.length === 1) return byId[0];
  throw inputError('JOB_UNKNOWN', `there is no job "${wanted}" in the queue`, 'see `stepadapt queue list`');
}

/**
 * Reads a time as a person types it, in the local time zone; a time of day that has passed means tomorrow.
 * @returns ISO time
 * @throws input error `BAD_OPTION`
 */
export function startTime(text: string, now = new Date()): string {
  const minutes = /^\+(\d{1,5})$/.exec(text)?.[1];
  if (minutes !== undefined) return new Date(+now + Number(minutes) * 60_000).toISOString();
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (clock !== null) {
    const at = new Date(now);
    at.setHours(Number(clock[1]), Number(clock[2]), 0, 0);
    if (at <= now) at.setDate(at.getDate() + 1);
    return at.toISOString();
  }
  const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text) ? new Date(text) : new Date(NaN);
  if (Number.isNaN(+at)) throw badOption('startAt', `"${text}" is not a time such as 22:30 or 2026-12-01T22:30`);
  return at.toISOString();
}

function localTime(iso: string): string {
  const at = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
