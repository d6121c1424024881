import { z } from 'zod';
import { configSchema } from '../contract/config.js';
import type { PipelineEvent } from '../contract/events.js';
import { errorDetailsSchema } from '../contract/jobs.js';

/** What the host and an engine process say to each other. Both check what they hear. */

export const toEngineSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('run'),
    /** The `.stepadapt` file, and the config to use in place of the file's. */
    project: z.string(),
    config: configSchema,
    until: z.string().nullable(),
  }),
  z.strictObject({ type: z.literal('forecast'), config: configSchema }),
  /** Draw with a model of a project that is on disk. */
  z.strictObject({
    type: z.literal('draw'),
    project: z.string(),
    config: configSchema,
    model: z.enum(['base', 'uniform', 'adaptive']),
    seed: z.number(),
    count: z.number(),
    at: z.string(),
  }),
  /** To a run at work: draw with the network in training before its next update. */
  z.strictObject({ type: z.literal('drawNow'), request: z.number(), seed: z.number(), count: z.number() }),
  /** Stop at the next update, with a checkpoint. */
  z.strictObject({ type: z.literal('stop') }),
]);
export type ToEngine = z.output<typeof toEngineSchema>;
/** What an engine process is started for. */
export type EngineTask = Extract<ToEngine, { type: 'run' | 'forecast' | 'draw' }>;

const stage = z.string();
const pipelineEventSchema: z.ZodType<PipelineEvent> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('state'),
    stage,
    state: z.enum(['pending', 'running', 'done', 'stale', 'failed', 'interrupted']),
  }),
  z.strictObject({
    type: z.literal('progress'),
    stage,
    done: z.number(),
    total: z.number(),
    unit: z.string(),
    etaSeconds: z.number().nullable(),
  }),
  z.strictObject({
    type: z.literal('metric'),
    stage,
    step: z.number(),
    // A training that diverges measures NaN and infinities; schema numbers are finite.
    values: z.record(
      z.string(),
      z.custom<number>((value) => typeof value === 'number'),
    ),
  }),
  z.strictObject({ type: z.literal('sample'), stage, step: z.number(), path: z.string() }),
  z.strictObject({ type: z.literal('log'), level: z.enum(['info', 'warn', 'error']), message: z.string() }),
  z.strictObject({ type: z.literal('result'), result: z.unknown() }),
]);

export const forecastSchema = z.strictObject({
  seconds: z.number(),
  peakBytes: z.number(),
  diskBytes: z.number(),
  evaluation: z.strictObject({ seconds: z.number(), images: z.number(), macs: z.number() }),
  warning: z.string().optional(),
});

export const fromEngineSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('heartbeat'), rssBytes: z.number() }),
  z.strictObject({ type: z.literal('events'), events: z.array(pipelineEventSchema) }),
  /** Name of the picture that was asked for; `request` is null where drawing is the whole task. */
  z.strictObject({ type: z.literal('drawn'), request: z.number().nullable(), name: z.string() }),
  z.strictObject({ type: z.literal('notDrawn'), request: z.number(), error: errorDetailsSchema }),
  /** The last word: what came of it. */
  z.strictObject({ type: z.literal('finished'), forecast: forecastSchema.nullable() }),
  z.strictObject({ type: z.literal('stopped') }),
  z.strictObject({ type: z.literal('failed'), error: errorDetailsSchema }),
]);
export type FromEngine = z.output<typeof fromEngineSchema>;
export type MeasuredForecast = z.output<typeof forecastSchema>;
