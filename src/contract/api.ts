import { z } from 'zod';
import type { ErrorDetails } from './errors.js';
import type { PipelineEvent } from './events.js';
import { repairViewSchema, verificationViewSchema } from './integrityViews.js';
import { jobViewSchema, queueViewSchema, type JobView, type QueueView } from './jobs.js';
import { languageModelKeyGivenSchema, languageModelKeySchema } from './languageModelKey.js';
import { notesSchema } from './notes.js';
import { previewSchema, projectIdSchema, projectSummarySchema, projectViewSchema } from './projectViews.js';
import {
  checkpointsViewSchema,
  comparisonSchema,
  drawnSampleSchema,
  expertViewSchema,
  metricSeriesSchema,
  reportViewSchema,
  resultsViewSchema,
  runSnapshotSchema,
} from './runViews.js';
import { settingsChangeSchema, settingsSchema } from './settings.js';

/**
 * The application API: every command that a window, the web host or a script can give, with what it takes and what it
 * answers. Hosts check what comes in against `params`; nobody has another list of names.
 */

const none = z.strictObject({});
const project = z.strictObject({ id: projectIdSchema });
const reportId = z.string().regex(/^[0-9A-Za-z][0-9A-Za-z-]{0,80}$/);
const jobId = z.strictObject({ job: z.string().max(64) });
/** With its offset from UTC, so that it means the same on every machine. */
const startTime = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());
const shortText = z.string().min(1).max(200);
/** A config as a form has it; faults are answered by field, not refused as a bad request. */
const rawConfig = z.record(z.string(), z.unknown());
/** A file to download with GET, relative to the host. */
const download = z.object({ name: z.string(), url: z.string() });

export const commands = {
  'app.info': {
    params: none,
    result: z.object({
      name: z.string(),
      version: z.string(),
      host: z.enum(['desktop', 'web', 'process']),
      platform: z.string(),
      node: z.string(),
      /** Folders that projects may lie in; null where any may. Names for people. */
      roots: z.array(z.string()).nullable(),
      /** Where new projects go unless the settings say otherwise. */
      projectsFolder: z.string(),
      /** Where settings, the list of projects and the queue lie. */
      dataFolder: z.string(),
    }),
  },
  /** Memory of the machine and of the engine process. */
  'app.resources': {
    params: none,
    result: z.object({
      totalMemoryBytes: z.number(),
      freeMemoryBytes: z.number(),
      engineRssBytes: z.number().nullable(),
      diskFreeBytes: z.number().nullable(),
      cores: z.number().int(),
      gpus: z.array(
        z.object({
          name: z.string(),
          usedBytes: z.number(),
          totalBytes: z.number(),
          /** Share of the time in which it computed, 0..1. */
          load: z.number().nullable(),
          celsius: z.number().nullable(),
        }),
      ),
      /** Why `gpus` is empty. */
      gpuReason: z.string().nullable(),
    }),
  },
  'engines.list': {
    /** `again` probes anew; otherwise the first answer is kept. */
    params: z.strictObject({ again: z.boolean().default(false) }),
    result: z.array(
      z.object({
        id: z.string(),
        available: z.boolean(),
        version: z.string().nullable(),
        device: z.string().nullable(),
        reason: z.string().nullable(),
      }),
    ),
  },
  'presets.list': {
    params: none,
    result: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        cost: z.string(),
        config: z.record(z.string(), z.unknown()),
      }),
    ),
  },

  'projects.recent': { params: none, result: z.array(projectSummarySchema) },
  /** Projects in the host's roots that were not opened yet; empty where there are no roots. */
  'projects.browse': { params: none, result: z.array(z.object({ path: z.string(), name: z.string() })) },
  'projects.create': {
    /** Without `parent` in the standard place. */
    params: z.strictObject({
      name: shortText,
      preset: shortText,
      parent: z.string().min(1).max(4096).optional(),
      config: rawConfig.optional(),
    }),
    result: projectViewSchema,
  },
  'projects.open': {
    params: z.union([project, z.strictObject({ path: z.string().min(1).max(4096) })]),
    result: projectViewSchema,
  },
  'projects.saveConfig': {
    params: z.strictObject({ id: projectIdSchema, config: rawConfig }),
    result: projectViewSchema,
  },
  /** Replaces what people wrote about a project: text, tags, its colour in comparisons. */
  'projects.annotate': {
    params: z.strictObject({ id: projectIdSchema, notes: notesSchema }),
    result: projectViewSchema,
  },
  /** Takes a project off the list of recent ones; its files stay. */
  'projects.forget': { params: project, result: z.null() },
  /** Compares every file of a project with its hash; changes nothing. Refused while a run writes to it. */
  'projects.verify': { params: project, result: verificationViewSchema },
  /** Rebuilds what can be derived and moves damaged files to `set-aside/`; a run computes what is missing. */
  'projects.repair': { params: project, result: repairViewSchema },

  /** The design that follows from a config; touches no disk and answers within 50 ms. */
  'design.preview': { params: z.strictObject({ config: rawConfig }), result: previewSchema },
  /** Time, memory and disk of a whole run, measured on this machine for some seconds in a process of its own. */
  'design.forecast': {
    params: project,
    result: z.object({
      seconds: z.number(),
      peakBytes: z.number(),
      diskBytes: z.number(),
      /** The part that drawing and measuring the samples takes: seconds, images of all models and seeds, multiply-accumulates. */
      evaluation: z.object({ seconds: z.number(), images: z.number(), macs: z.number() }),
      /** What to change, where the run would need more memory than is free. */
      warning: z.string().optional(),
    }),
  },
  /** JSON schema of the config: types, ranges, defaults and doc lines of every field, and the default config. */
  'design.schema': {
    params: none,
    result: z.object({ schema: z.record(z.string(), z.unknown()), defaults: z.record(z.string(), z.unknown()) }),
  },

  /** Whether the images of the saved experiment can be read, and a picture of the first ones; nothing is downloaded. */
  'data.preview': {
    params: project,
    result: z.object({
      image: download,
      shown: z.number().int(),
      size: z.number().int(),
      channels: z.number().int(),
      classes: z.array(z.string()),
    }),
  },

  /** Starts, resumes or goes on; an active job is returned as it is. Behind another one it waits in the queue. */
  'runs.start': { params: z.strictObject({ id: projectIdSchema, until: shortText.optional() }), result: jobViewSchema },
  /** Writes a checkpoint and frees the machine; the job keeps its place and the queue waits for it. */
  'runs.pause': { params: project, result: jobViewSchema },
  /** Writes a checkpoint and ends the job as `interrupted`; the queue goes on. */
  'runs.stop': { params: project, result: jobViewSchema },
  'runs.snapshot': {
    params: z.strictObject({ id: projectIdSchema, since: z.number().int().min(0).optional() }),
    result: runSnapshotSchema,
  },
  /** What is kept of every training, with its size on disk. */
  'checkpoints.list': { params: project, result: z.array(checkpointsViewSchema) },
  /**
   * Draws a grid of samples: with `training` between two updates of the run at work, otherwise with the newest weights on disk
   * in a process of its own, one at a time. Answers when the picture is there.
   */
  'samples.draw': {
    params: z.strictObject({
      id: projectIdSchema,
      model: z.enum(['training', 'base', 'uniform', 'adaptive']),
      seed: z.number().int().min(0).max(999_999_999),
      count: z.number().int().min(1).max(64),
    }),
    result: drawnSampleSchema,
  },
  'experts.get': { params: project, result: z.array(expertViewSchema) },
  /** The report model of the finished evaluation. */
  'results.get': { params: project, result: resultsViewSchema },
  'report.create': { params: project, result: reportViewSchema },
  'report.list': { params: project, result: z.array(reportViewSchema) },
  compare: { params: z.strictObject({ ids: z.array(projectIdSchema).min(1).max(20) }), result: comparisonSchema },

  /** What one training logged in several projects, in the order of `ids`; null where it did not begin. */
  'compare.metrics': {
    params: z.strictObject({ ids: z.array(projectIdSchema).min(1).max(20), stage: shortText.default('base') }),
    result: z.array(metricSeriesSchema.omit({ lossByTimestep: true }).nullable()),
  },

  'exports.csv': {
    /** `metrics` = every series of the project's trainings; any other is a table of a report. */
    params: z.strictObject({
      id: projectIdSchema,
      table: z.string().regex(/^[a-z0-9_-]{1,60}$/),
      report: reportId.optional(),
    }),
    result: download,
  },
  /** The whole report as one file; the PDF is printed by a Chromium of this machine when it is first asked for. */
  'exports.report': {
    params: z.strictObject({
      id: projectIdSchema,
      report: reportId.optional(),
      format: z.enum(['html', 'pdf', 'json']),
    }),
    result: download,
  },
  'exports.figure': {
    params: z.strictObject({
      id: projectIdSchema,
      report: reportId,
      figure: z.string().regex(/^[a-z0-9_-]{1,60}$/),
      format: z.enum(['svg', 'png']),
      /** Pixels, for PNG. */
      width: z.number().int().min(100).max(8000).default(1600),
    }),
    result: download,
  },

  'queue.list': { params: none, result: queueViewSchema },
  /** Queues a run with the config as it is now; with `startAfter` it is not started before that time. */
  'queue.add': {
    params: z.strictObject({ id: projectIdSchema, until: shortText.optional(), startAfter: startTime.optional() }),
    result: queueViewSchema,
  },
  /** Changes the time before which a waiting job is not started; null = as soon as it may. */
  'queue.schedule': { params: jobId.extend({ startAfter: startTime.nullable() }), result: queueViewSchema },
  /** Takes a waiting job out; one at work is stopped with `runs.stop`. */
  'queue.remove': { params: jobId, result: queueViewSchema },
  /** Moves a waiting job to a position among the waiting ones, 0 = next. */
  'queue.move': { params: jobId.extend({ to: z.number().int().min(0).max(10_000) }), result: queueViewSchema },
  /** Takes out everything that waits; the job at work goes on. */
  'queue.clear': { params: none, result: queueViewSchema },
  'queue.pause': { params: none, result: queueViewSchema },
  /** Goes on with what waits, and first with jobs that ended because their host did. */
  'queue.resume': { params: none, result: queueViewSchema },

  'settings.get': { params: none, result: settingsSchema },
  'settings.set': { params: settingsChangeSchema, result: settingsSchema },

  /** Where the key of the language-model service comes from. No answer holds the key. */
  'languageModelKey.get': { params: none, result: languageModelKeySchema },
  /** Keeps a key in the system's safe storage, where this host has one. */
  'languageModelKey.set': { params: languageModelKeyGivenSchema, result: languageModelKeySchema },
  'languageModelKey.forget': { params: none, result: languageModelKeySchema },
} as const satisfies Record<string, { params: z.ZodType; result: z.ZodType }>;

export type CommandName = keyof typeof commands;
/** What a caller gives; fields with defaults may be left out. */
export type CommandParams<N extends CommandName> = z.input<(typeof commands)[N]['params']>;
/** What the command works with. */
export type CheckedParams<N extends CommandName> = z.output<(typeof commands)[N]['params']>;
export type CommandValue<N extends CommandName> = z.output<(typeof commands)[N]['result']>;

/** Commands answer with a value or with an error in words; they never throw. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorDetails };

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

/** One thing that happened. `seq` grows by one from event to event of an epoch. */
export type AppEvent = { readonly seq: number } & (
  | { readonly type: 'pipeline'; readonly projectId: string; readonly at: string; readonly event: PipelineEvent }
  | { readonly type: 'job'; readonly projectId: string; readonly job: JobView }
  | { readonly type: 'queue'; readonly queue: QueueView }
  /** The list of recent projects, or one of them, changed. */
  | { readonly type: 'projects' }
);

/**
 * What the event stream carries: what somebody waits for within a tenth of a second, progress and metrics together once a
 * second, and of several reports of progress the newest. `hello` comes first. `reset` takes its place where events were
 * missed that the host no longer has (or it began anew): ask for snapshots again. In a `sample` event of the stream `path`
 * is the id of the image.
 */
export type StreamMessage =
  | { readonly type: 'hello'; readonly epoch: string; readonly seq: number }
  | { readonly type: 'reset'; readonly epoch: string; readonly seq: number }
  | { readonly type: 'events'; readonly events: readonly AppEvent[] };

/** Where a reader of the stream stopped. */
export interface StreamPosition {
  readonly epoch: string;
  readonly seq: number;
}

/** What every host offers to a window. */
export interface AppTransport {
  call<N extends CommandName>(name: N, params: CommandParams<N>): Promise<Result<CommandValue<N>>>;
  /** Receives messages until the returned function is called; goes on after `from` where that is possible. */
  subscribe(listener: (message: StreamMessage) => void, from?: StreamPosition): () => void;
}
