import { z } from 'zod';
import { configSchema } from './config.js';

/** A job is one run of one project's pipeline. Its record lies in the project before its process exists. */

export const jobStateSchema = z.enum([
  'queued',
  'starting',
  'running',
  'pausing',
  'paused',
  'stopping',
  'finished',
  'failed',
  'interrupted',
]);
export type JobState = z.output<typeof jobStateSchema>;

export const errorDetailsSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  remedy: z.strictObject({ field: z.string(), value: z.number() }).optional(),
});

/** `jobs/ID.json` in the project. */
export const jobRecordSchema = z.strictObject({
  format: z.literal('stepadapt-job'),
  version: z.literal(1),
  id: z.string().regex(/^[a-z0-9-]{8,64}$/),
  state: jobStateSchema,
  /** Last stage to run; null = all, with the report. */
  until: z.string().nullable(),
  /** The experiment as it was when the job was queued; later edits of the project do not touch the job. */
  config: configSchema,
  queuedAt: z.iso.datetime(),
  /** The queue does not start it before this time; null = as soon as it may. */
  startAfter: z.iso.datetime().nullable().default(null),
  startedAt: z.iso.datetime().nullable(),
  endedAt: z.iso.datetime().nullable(),
  /** The engine process, while there is one. */
  process: z.strictObject({ pid: z.number().int().positive(), host: z.string() }).nullable(),
  /** Engine processes that were lost and replaced by a new one, which went on from the last checkpoint. */
  restarts: z.array(z.strictObject({ at: z.iso.datetime(), error: errorDetailsSchema })).default([]),
  error: errorDetailsSchema.nullable(),
});
export type JobRecord = z.output<typeof jobRecordSchema>;

/** A job as windows see it. */
export const jobViewSchema = z.object({
  id: z.string(),
  projectId: z.string(),
  projectName: z.string(),
  state: jobStateSchema,
  until: z.string().nullable(),
  queuedAt: z.string(),
  /** A job that waits is not started before this time. */
  startAfter: z.string().nullable(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  /** How often its engine was lost and started again. */
  restarts: z.number().int(),
  /** Why it failed or was interrupted. */
  error: errorDetailsSchema.nullable(),
  /** Memory of the engine process at its last heartbeat; null without a process. */
  rssBytes: z.number().nullable(),
  /** Whether the project's config has been edited since the job was queued. */
  configChanged: z.boolean(),
  /** What may be asked of it now. */
  can: z.object({ start: z.boolean(), pause: z.boolean(), stop: z.boolean() }),
});
export type JobView = z.output<typeof jobViewSchema>;

/** The overnight queue: one job runs at a time, and one that fails does not hold up the rest. */
export const queueViewSchema = z.object({
  /** A paused queue starts nothing new; the job that runs goes on. */
  paused: z.boolean(),
  /** The job at work, first, then those waiting, in order. */
  jobs: z.array(jobViewSchema),
  /** Jobs that ended because their host did. Resuming the queue goes on with them first. */
  interrupted: z.array(jobViewSchema),
});
export type QueueView = z.output<typeof queueViewSchema>;
