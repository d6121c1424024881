import { z } from 'zod';
import { configSchema } from './config.js';

/** Current version of the project file. Older ones are migrated on open, newer ones refused. */
export const PROJECT_VERSION = 1;

/** `NAME.stepadapt`, the file people open. Results live beside it in folders that can be derived from it. */
export const projectFileSchema = z.strictObject({
  format: z.literal('stepadapt-project'),
  version: z.literal(PROJECT_VERSION),
  name: z.string().min(1).max(200).describe('shown to people; also the name of the file'),
  createdAt: z.iso.datetime(),
  preset: z.string().nullable().describe('the preset it was made from'),
  config: configSchema,
});

export type ProjectFile = z.output<typeof projectFileSchema>;

/** The state of one stage, `stages/ID/stage.json`. */
export const stageRecordSchema = z.strictObject({
  format: z.literal('stepadapt-stage'),
  version: z.literal(1),
  id: z.string().regex(/^[a-z]+(\/\d{1,3})?$/),
  state: z.enum(['running', 'done', 'failed', 'interrupted']),
  /** SHA-256 of everything the stage depends on: its part of the config, the code's version, the stages before it. */
  inputHash: z.string().regex(/^[0-9a-f]{64}$/),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  /** Seconds of work, summed over interruptions. */
  seconds: z.number(),
  /** Largest resident memory of the process during the stage, bytes; absent from records of earlier versions. */
  peakRssBytes: z.number().optional(),
  /** Fraction of the work done, 0..1. */
  progress: z.number().min(0).max(1),
  engine: z.strictObject({ id: z.string(), version: z.string(), device: z.string(), threads: z.number() }),
  softwareVersion: z.string(),
  /** Multiply-accumulates spent, by purpose. */
  macs: z.partialRecord(z.enum(['training', 'search', 'sampling', 'evaluation']), z.number()),
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
});

export type StageRecord = z.output<typeof stageRecordSchema>;
export type ComputePurpose = 'training' | 'search' | 'sampling' | 'evaluation';
