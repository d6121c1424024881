import { z } from 'zod';
import { configSchema } from './config.js';
import { errorDetailsSchema, jobViewSchema } from './jobs.js';
import { notesSchema } from './notes.js';

/** What windows see of projects: by id, never by path. `place` is for reading only. */

export const projectIdSchema = z.string().regex(/^[0-9a-f]{16}$/);

export const stageViewSchema = z.object({
  /** `base`, `grouping`, `experts/2`, `uniform`, `features`, `evaluation` */
  id: z.string(),
  state: z.enum(['pending', 'running', 'done', 'stale', 'failed', 'interrupted']),
  /** Fraction done, 0..1. */
  progress: z.number(),
  /** Seconds to go, measured; null until enough was measured. */
  etaSeconds: z.number().nullable(),
  /** Work within the stage at this moment, such as 120 of 900 steps; null when nothing is known. */
  work: z.object({ done: z.number(), total: z.number(), unit: z.string() }).nullable(),
});
export type StageView = z.output<typeof stageViewSchema>;

export const projectSummarySchema = z.object({
  id: projectIdSchema,
  name: z.string(),
  /** Where it lies, for people. */
  place: z.string(),
  preset: z.string().nullable(),
  /** `missing` and `broken` come with `problem`. */
  state: z.enum([
    'new',
    'started',
    'queued',
    'running',
    'paused',
    'interrupted',
    'failed',
    'finished',
    'missing',
    'broken',
  ]),
  /** Fraction of all stages done, 0..1. */
  progress: z.number(),
  openedAt: z.string(),
  notes: notesSchema,
  /** Id of a PNG (see imageUrl.ts), or null while nothing was sampled. */
  thumbnail: z.string().nullable(),
  problem: errorDetailsSchema.nullable(),
});
export type ProjectSummary = z.output<typeof projectSummarySchema>;

export const projectViewSchema = z.object({
  id: projectIdSchema,
  name: z.string(),
  place: z.string(),
  preset: z.string().nullable(),
  createdAt: z.string(),
  notes: notesSchema,
  config: configSchema,
  stages: z.array(stageViewSchema),
  /** The newest job; null when the project never ran from here. */
  job: jobViewSchema.nullable(),
  /** Another program is writing to the project: it can be read, not run. */
  lockedElsewhere: z.boolean(),
});
export type ProjectView = z.output<typeof projectViewSchema>;

/** A fault of a config, at the field it belongs to. */
export const fieldProblemSchema = z.object({
  /** Dotted path such as `budget.targetMean`; empty when the whole does not fit together. */
  field: z.string(),
  code: z.string(),
  message: z.string(),
  hint: z.string(),
});
export type FieldProblem = z.output<typeof fieldProblemSchema>;

export const designGroupSchema = z.object({
  index: z.number().int(),
  /** Timesteps [from, to). */
  from: z.number().int(),
  to: z.number().int(),
  /** Decibels at both ends, least noise first. */
  snrDb: z.tuple([z.number(), z.number()]),
  /** Sampler steps inside the group. */
  visited: z.number().int(),
  /** Ratio to the base's MACs asked for, and what provisional widths reach. */
  requested: z.number(),
  effective: z.number(),
  macs: z.number(),
  /** Channels kept of every prunable width, the same ratio everywhere until the search decides. */
  widths: z.array(z.object({ id: z.string(), full: z.number().int(), kept: z.number().int() })),
});
export type DesignGroup = z.output<typeof designGroupSchema>;

export const designViewSchema = z.object({
  parameters: z.number().int(),
  baseMacs: z.number(),
  timesteps: z.number().int(),
  bounds: z.array(z.number().int()),
  /** The method needs the trained base, so these bounds come from difficulty alone. */
  provisionalBounds: z.boolean(),
  partitionCost: z.number(),
  k: z.number(),
  /** Means over the visited steps, as ratios to the base: asked for and reached. */
  mean: z.number(),
  meanEffective: z.number(),
  groups: z.array(designGroupSchema),
  /** SNR over timesteps, thinned to at most 257 points with both ends kept. */
  snr: z.array(z.object({ timestep: z.number().int(), db: z.number() })),
  /** Timesteps the sampler visits, ascending. */
  visited: z.array(z.number().int()),
});
export type DesignView = z.output<typeof designViewSchema>;

export const previewSchema = z.object({
  /** Null while `problems` say why there is none. */
  design: designViewSchema.nullable(),
  problems: z.array(fieldProblemSchema),
});
export type Preview = z.output<typeof previewSchema>;
