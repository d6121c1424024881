import { z } from 'zod';
import { jobViewSchema } from './jobs.js';
import { stageViewSchema } from './projectViews.js';
import { groupLossesSchema, importanceResultSchema, pruningResultSchema } from './results.js';

/** What windows see of a run and of its results. */

export const metricSeriesSchema = z.object({
  stage: z.string(),
  /** Columns of equal length, by step; thinned to at most 1000 points that keep the extremes. */
  steps: z.array(z.number()),
  loss: z.array(z.number()),
  gradientNorm: z.array(z.number()),
  learningRate: z.array(z.number()),
  /** When each point was logged, in ms since 1970; null where nothing wrote it down. */
  at: z.array(z.number().nullable()),
  /** Seconds of work until each point, pauses left out; null as above. */
  elapsed: z.array(z.number().nullable()),
  /** Loss in equal bins over [0, T), one row a point; null where no timestep was drawn. */
  lossByTimestep: z.array(z.array(z.number().nullable())),
});
export type MetricSeries = z.output<typeof metricSeriesSchema>;

export const sampleViewSchema = z.object({
  stage: z.string(),
  step: z.number(),
  /** Id of the PNG, see imageUrl.ts. */
  image: z.string(),
});
export type SampleView = z.output<typeof sampleViewSchema>;

/** A grid that somebody asked for, `samples/` of a project. */
export const drawnSampleSchema = z.object({
  /** Id of the PNG. */
  image: z.string(),
  at: z.string(),
  /** `base`, `uniform`, `adaptive`, or the stage that was in training, such as `experts/2`. */
  model: z.string(),
  /** Updates that its weights had; 0 for several networks together. */
  step: z.number().int(),
  seed: z.number().int(),
  count: z.number().int(),
});
export type DrawnSample = z.output<typeof drawnSampleSchema>;

export const logLineSchema = z.object({
  /** Of the event; negative in lines of an earlier life of the host. */
  seq: z.number().int(),
  at: z.string(),
  level: z.enum(['info', 'warn', 'error']),
  message: z.string(),
});
export type LogLine = z.output<typeof logLineSchema>;

export const runSnapshotSchema = z.object({
  /** Events up to this number are in the snapshot; ask the stream for those after it. */
  seq: z.number().int(),
  /** Sequence numbers count within one epoch: one life of the host. */
  epoch: z.string(),
  job: jobViewSchema.nullable(),
  stages: z.array(stageViewSchema),
  /** Seconds of work on this experiment, over all interruptions, and to go at best and at worst; null until the speed is known. */
  time: z.object({
    workedSeconds: z.number(),
    remainingSeconds: z.number().nullable(),
    remainingAtMostSeconds: z.number().nullable(),
  }),
  metrics: z.array(metricSeriesSchema),
  samples: z.array(sampleViewSchema),
  /** The newest 100 grids that somebody asked for, oldest first. */
  drawn: z.array(drawnSampleSchema),
  /** The newest lines, at most 500, also of earlier runs; with `since` only those after it. */
  log: z.array(logLineSchema),
});
export type RunSnapshot = z.output<typeof runSnapshotSchema>;

/** Checkpoints that a training keeps, oldest first. */
export const checkpointsViewSchema = z.object({
  stage: z.string(),
  kept: z.array(z.object({ step: z.number().int(), bytes: z.number(), at: z.string() })),
});
export type CheckpointsView = z.output<typeof checkpointsViewSchema>;

/** One round of the proxy search. */
export const proxyRoundSchema = z.object({
  round: z.number().int(),
  widths: z.record(z.string(), z.number()),
  macs: z.number(),
  /** Lower is better; null when it was not finite. */
  score: z.number().nullable(),
  seconds: z.number(),
  reason: z.string(),
  repairs: z.array(z.string()),
  /** Whether the network was built from this round. */
  chosen: z.boolean(),
});
export type ProxyRound = z.output<typeof proxyRoundSchema>;

export const expertViewSchema = z.object({
  index: z.number().int(),
  from: z.number().int(),
  to: z.number().int(),
  snrDb: z.tuple([z.number(), z.number()]),
  visited: z.number().int(),
  budget: z.number(),
  state: stageViewSchema.shape.state,
  /** Null until the group was pruned. `keep` lists kept channels of each width. */
  pruning: z.looseObject(pruningResultSchema.shape).nullable(),
  memory: z.array(proxyRoundSchema),
  /** Null until the expert was tuned. */
  losses: z.looseObject(groupLossesSchema.shape).nullable(),
  /** Importance of every channel of every prunable width, where it was written down. */
  importance: importanceResultSchema.nullable(),
  /** What must be pruned together: every prunable width with its kind and the tensors whose axes its channels are. */
  dependencies: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      /** Channels are removed in sets of this many. */
      unit: z.number().int(),
      tensors: z.array(z.string()),
    }),
  ),
  /** Pictures from the same noises: the base everywhere, then the sliced and the tuned network at the group's timesteps. */
  samples: z.array(z.object({ network: z.enum(['base', 'sliced', 'tuned']), image: z.string() })),
});
export type ExpertView = z.output<typeof expertViewSchema>;

const kernelDistance = z.looseObject({ mean: z.number(), std: z.number() });

export const resultRowSchema = z.looseObject({
  model: z.string().describe('base, uniform or adaptive'),
  label: z.string(),
  macs: z.number(),
  macsRatio: z.number(),
  parameters: z.number(),
  value: z.number().describe('the distance, mean over the seeds; lower is better'),
  perSeed: z.array(z.looseObject({ seed: z.number(), value: z.number(), kid: kernelDistance })),
  kid: kernelDistance,
  samples: z.number(),
  secondsPerImage: z.number().nullable(),
  trainingMacs: z.number(),
});
export type ResultRow = z.output<typeof resultRowSchema>;

/** The report model without its images, which have ids instead. More fields may come. */
export const resultsViewSchema = z.looseObject({
  project: z.string(),
  created: z.string(),
  metric: z.string(),
  summary: z.array(z.looseObject({ name: z.string(), value: z.string() })),
  rows: z.array(resultRowSchema),
  groups: z.array(
    z.looseObject({
      index: z.number(),
      from: z.number(),
      to: z.number(),
      snrDb: z.looseObject({ low: z.number(), high: z.number() }),
      visited: z.number(),
      budget: z.number(),
      baseMacs: z.number(),
      requestedMacs: z.number(),
      effectiveMacs: z.number(),
      parameters: z.number(),
      loss: z.looseObject({ base: z.number(), untuned: z.number(), tuned: z.number() }).nullable(),
    }),
  ),
  ledger: z.array(z.looseObject({ stage: z.string(), kind: z.string(), macs: z.number(), seconds: z.number() })),
  /** Everything the numbers depend on besides the model. */
  protocol: z.record(z.string(), z.unknown()),
  environment: z.array(z.looseObject({ name: z.string(), value: z.string() })),
  notes: z.array(z.string()).describe('what the numbers say, good or bad, in sentences'),
  command: z.string(),
  /** Grids of the same noises in the same order. */
  samples: z.array(z.object({ model: z.string(), label: z.string(), image: z.string() })),
});
export type ResultsView = z.output<typeof resultsViewSchema>;

export const reportViewSchema = z.object({
  /** Name of its folder below `reports/`. */
  id: z.string(),
  createdAt: z.string(),
  /** Of the page, for GET, relative to the host. */
  url: z.string(),
  figures: z.array(z.string()),
  tables: z.array(z.string()),
});
export type ReportView = z.output<typeof reportViewSchema>;

export const comparisonSchema = z.object({
  projects: z.array(z.object({ id: z.string(), name: z.string() })),
  /** Config fields that are not the same everywhere; `values` in the order of `projects`. */
  differences: z.array(z.object({ field: z.string(), values: z.array(z.unknown()) })),
  /** Null for a project that is not evaluated. */
  results: z.array(z.object({ metric: z.string(), rows: z.array(resultRowSchema) }).nullable()),
  /** Protocol fields in which an evaluated project differs from the first evaluated one, with what each does to the value. */
  protocolDifferences: z.array(
    z.object({ project: z.string(), field: z.string(), first: z.unknown(), second: z.unknown(), effect: z.string() }),
  ),
  /** False where protocols differ: the values must then not be compared. */
  comparable: z.boolean(),
});
export type Comparison = z.output<typeof comparisonSchema>;
