import { mkdir } from 'node:fs/promises';
import { freemem, totalmem, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import {
  commands,
  isCommandName,
  type CheckedParams,
  type CommandName,
  type CommandParams,
  type CommandValue,
  type Result,
  type StreamMessage,
  type StreamPosition,
} from '../contract/api.js';
import { describeError, failure, inputError } from '../contract/errors.js';
import type { PipelineEvent } from '../contract/events.js';
import type { QueueView } from '../contract/jobs.js';
import { SOFTWARE_VERSION } from '../contract/version.js';
import type { Job } from '../jobs/job.js';
import { JobRunner } from '../jobs/jobRunner.js';
import { isAtWork } from '../jobs/jobState.js';
import { engineSpawner, type SpawnEngine } from '../jobs/spawnEngine.js';
import type { EnginePatience } from '../jobs/superviseEngine.js';
import { freeBytes } from '../project/diskSpace.js';
import type { Project } from '../project/project.js';
import { isProjectLocked, takePlace } from '../project/projectLock.js';
import { probeEngines } from '../tensor/probeEngines.js';
import type { AppServices, Handlers } from './appServices.js';
import { confinePath, type Roots } from './confinement.js';
import { EventHub } from './eventHub.js';
import { GpuMonitor } from './gpuStatus.js';
import { answerRequests } from './hostMailbox.js';
import { integrityCommands } from './integrityCommands.js';
import { LanguageModelKeys, type KeyStore } from './languageModelKeys.js';
import { projectCommands, requireRunnable } from './projectCommands.js';
import { imageIdOfSample, readProjectFile, type ProjectFile } from './projectFiles.js';
import { projectId, ProjectRegistry } from './projectRegistry.js';
import { RunFeed } from './runFeed.js';
import { sampleCommands } from './sampleCommands.js';
import { SettingsStore } from './settingsStore.js';
import { viewJob } from './viewProject.js';
import { safeParse } from '../contract/safeParse.js';

export interface ApplicationOptions {
  readonly host: 'desktop' | 'web' | 'process';
  /** Holds settings, the list of projects and the queue. */
  readonly dataFolder: string;
  /** Where projects and data may lie; null = anywhere. */
  readonly roots: Roots;
  /** Where new projects go; the first root, or `projects` in the data folder, by default. */
  readonly projectsFolder?: string;
  /** The Node that engines run in, and their entry (`dist/src/jobs/engineProcess.js`); this process's own by default. */
  readonly engine?: { readonly execPath?: string; readonly entry?: string };
  /** Keeps the key of the language-model service; without one it comes from the environment alone. */
  readonly keyStore?: KeyStore;
  /** Replaces the starting of engine processes altogether. */
  readonly spawn?: SpawnEngine;
  readonly patience?: Partial<EnginePatience>;
  /** Whether jobs are run here; a process that only edits the queue leaves that to a later host. True by default. */
  readonly runsJobs?: boolean;
  /** Whether lost engine processes are replaced. True by default. */
  readonly restarts?: boolean;
  readonly now?: () => Date;
}

/** The application behind every host: commands, the stream of events, and files by id. */
export interface Application {
  /** Checks the parameters, carries out the command, and puts errors into words. Never rejects. */
  call<N extends CommandName>(name: N, params: CommandParams<N>): Promise<Result<CommandValue<N>>>;
  /** The same for what came over a wire. */
  callRaw(name: unknown, params: unknown): Promise<Result<unknown>>;
  subscribe(listener: (message: StreamMessage) => void, from?: StreamPosition): () => void;
  /** A picture, report, or export by its address below `/api/`; null where there is none. */
  file(pathname: string): Promise<ProjectFile | null>;
  /** Whether a job is at work. */
  isBusy(): boolean;
  /** Stops the job at work with a checkpoint. */
  close(): Promise<void>;
}

/**
 * Starts the application: takes up the queue that an earlier life left.
 * @throws failure `APP_RUNNING` while another process uses the same data folder
 */
export async function createApplication(options: ApplicationOptions): Promise<Application> {
  const { dataFolder, roots } = options;
  await mkdir(dataFolder, { recursive: true });
  const leave = await takePlace(join(dataFolder, 'application'));
  if (leave === null) {
    throw failure(
      'APP_RUNNING',
      `StepAdapt Studio is already running with the data folder ${dataFolder}`,
      'use that window or host, or end it first',
    );
  }
  const now = options.now ?? (() => new Date());
  const hub = new EventHub();
  const keys = new LanguageModelKeys(options.keyStore ?? null);
  const env = () => ({ ...process.env, ...keys.environment() });
  const spawn = options.spawn ?? engineSpawner({ ...options.engine, env });
  const registry = new ProjectRegistry(join(dataFolder, 'projects.json'), roots, now);
  const feeds = new Map<string, RunFeed>();
  const runner: JobRunner = new JobRunner({
    queuePath: join(dataFolder, 'queue.json'),
    spawn,
    now,
    ...(options.patience === undefined ? {} : { patience: options.patience }),
    ...(options.runsJobs === undefined ? {} : { runsJobs: options.runsJobs }),
    ...(options.restarts === undefined ? {} : { restarts: options.restarts }),
    onJob: (job) => publishJob(job),
    onHeartbeat: (job) => publishJob(job, true),
    onQueue: () => void hub.publish({ type: 'queue', queue: queueView() }),
    onEvents: (job, events) => publishEvents(job, events),
  });
  const settings = new SettingsStore(join(dataFolder, 'settings.json'));
  const services: AppServices = {
    registry,
    settings,
    roots,
    hub,
    spawn,
    now,
    projectsFolder: options.projectsFolder ?? roots?.[0] ?? join(dataFolder, 'projects'),
    live: (path) => ({ job: runner.find(path), feed: feeds.get(projectId(path)) ?? null }),
    feedOf,
  };
  const handlers: Handlers = {
    ...projectCommands(services),
    ...sampleCommands(services),
    ...integrityCommands(services),
    ...keys.commands(),
    ...jobCommands(),
    ...hostCommands(),
  };
  await keys.load();
  await runner.recover();
  const endRequests = options.runsJobs === false ? null : await answerRequests(dataFolder, callRaw);

  function publishJob(job: Job, isCalm = false): void {
    const view = viewJob(job.record, job.project, job.rssBytes);
    hub.publish({ type: 'job', projectId: view.projectId, job: view }, isCalm);
  }

  function publishEvents(job: Job, events: readonly PipelineEvent[]): void {
    const id = projectId(job.project.path);
    const at = now().toISOString();
    const numbered = events.map((happened) => {
      const event =
        happened.type === 'sample'
          ? { ...happened, path: imageIdOfSample(id, happened.stage, happened.path) }
          : happened;
      return { event, seq: hub.publish({ type: 'pipeline', projectId: id, at, event }), at };
    });
    feedOf(job.project).take(numbered);
  }

  function feedOf({ path, folder }: Project): RunFeed {
    const id = projectId(path);
    const feed = feeds.get(id) ?? new RunFeed(folder);
    feeds.set(id, feed);
    return feed;
  }

  function queueView(): QueueView {
    const view = ({ record, project, rssBytes }: Job) => viewJob(record, project, rssBytes);
    return {
      paused: runner.isPaused,
      jobs: runner.list().map(view),
      interrupted: runner.listInterrupted().map(view),
    };
  }

  function jobCommands(): Pick<
    Handlers,
    Extract<CommandName, 'runs.start' | 'runs.pause' | 'runs.stop' | `queue.${string}`>
  > {
    const runnable = async (id: string, until: string | null) => {
      const project = await registry.open(id);
      requireRunnable(project, until);
      if (runner.find(project.path) === null && (await isProjectLocked(project))) {
        throw failure(
          'PROJECT_LOCKED',
          `${project.file.name} is in use by another run`,
          'wait for it to end or stop it, then start again',
        );
      }
      return project;
    };
    const changed = async (id: string, change: (path: string) => Promise<Job>) => {
      const project = await registry.open(id);
      const { record, rssBytes } = await change(project.path);
      return viewJob(record, project, rssBytes);
    };
    const queued = async (change: Promise<unknown>) => {
      await change;
      return queueView();
    };
    return {
      'runs.start': async ({ id, until = null }) => {
        const project = await runnable(id, until);
        const { record, rssBytes } = await runner.start(project, until);
        return viewJob(record, project, rssBytes);
      },
      'runs.pause': ({ id }) => changed(id, (path) => runner.pause(path)),
      'runs.stop': ({ id }) => changed(id, (path) => runner.stop(path)),
      'queue.list': queueView,
      'queue.add': async ({ id, until = null, startAfter = null }) =>
        queued(runner.add(await runnable(id, until), { until, startAfter })),
      'queue.schedule': ({ job, startAfter }) => queued(runner.schedule(job, startAfter)),
      'queue.remove': ({ job }) => queued(runner.remove(job)),
      'queue.move': ({ job, to }) => queued(runner.reorder(job, to)),
      'queue.clear': () => queued(runner.clear()),
      'queue.pause': () => queued(runner.setPaused(true)),
      'queue.resume': () => queued(runner.setPaused(false)),
    };
  }

  function hostCommands(): Pick<
    Handlers,
    Extract<CommandName, `app.${string}` | `settings.${string}` | 'engines.list'>
  > {
    const gpus = new GpuMonitor();
    let engines: ReturnType<typeof probeEngines> | null = null;
    const { execPath, entry } = options.engine ?? {};
    const probe = () =>
      probeEngines({
        ...(execPath === undefined ? {} : { execPath }),
        // Beside the engine's own entry: a plain Node cannot read the archive that a packaged window runs from.
        ...(entry === undefined ? {} : { entry: join(dirname(entry), '..', 'tensor', 'probeEntry.js') }),
      });
    return {
      'app.info': () => ({
        name: 'StepAdapt Studio',
        version: SOFTWARE_VERSION,
        host: options.host,
        platform: process.platform,
        node: process.version,
        roots: roots === null ? null : [...roots],
        projectsFolder: services.projectsFolder,
        dataFolder,
      }),
      'app.resources': async () => {
        const { gpus: seen, reason } = await gpus.read();
        return {
          totalMemoryBytes: totalmem(),
          freeMemoryBytes: freemem(),
          engineRssBytes: runner.list().find(({ rssBytes }) => rssBytes !== null)?.rssBytes ?? null,
          // The folder of projects may not be there before the first one is.
          diskFreeBytes: (await freeBytes(services.projectsFolder)) ?? (await freeBytes(dataFolder)),
          cores: cpus().length,
          gpus: [...seen],
          gpuReason: reason,
        };
      },
      'engines.list': async ({ again }) => {
        if (again || engines === null) engines = probe();
        return engines;
      },
      'settings.get': () => settings.get(),
      'settings.set': async (change) => {
        const { projectsFolder } = change;
        if (typeof projectsFolder !== 'string') return settings.change(change);
        return settings.change({ ...change, projectsFolder: await confinePath(projectsFolder, roots) });
      },
    };
  }

  async function callRaw(name: unknown, params: unknown): Promise<Result<unknown>> {
    try {
      if (typeof name !== 'string' || !isCommandName(name)) {
        throw inputError('COMMAND_UNKNOWN', `there is no command "${String(name).slice(0, 100)}"`, 'reload the window');
      }
      return { ok: true, value: await run(name, params) };
    } catch (error) {
      return { ok: false, error: describeError(error) };
    }
  }

  async function run<N extends CommandName>(name: N, params: unknown): Promise<CommandValue<N>> {
    const parsed = safeParse(commands[name].params, params);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw inputError(
        'BAD_PARAMETERS',
        `${name}: ${[...issue.path, issue.message].join(': ')}`,
        'correct what was given; nothing was changed',
      );
    }
    return handlers[name](parsed.data as CheckedParams<N>);
  }

  return {
    callRaw,
    call: (name, params) => callRaw(name, params) as Promise<Result<CommandValue<typeof name>>>,
    subscribe: (listener, from) => hub.subscribe(listener, from),
    file: (pathname) => readProjectFile(pathname, (id) => registry.open(id)),
    isBusy: () => runner.list().some(({ record }) => isAtWork(record.state)),
    async close() {
      await endRequests?.();
      await runner.close();
      await Promise.all([...feeds.values()].map(({ log }) => log.settled()));
      hub.close();
      await leave();
    },
  };
}
