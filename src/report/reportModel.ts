import { z } from 'zod';
import { protocolSchema } from '../evaluation/protocol.js';
import { reportNotes } from './notes.js';

/**
 * Everything a report says, as plain data: `report.json` is this object, and every table, figure and sentence of the page is
 * computed from it alone.
 */

const count = z.number().int().nonnegative();
const modelName = z.enum(['base', 'uniform', 'adaptive']);
const kernelDistance = z.strictObject({ mean: z.number(), std: z.number().describe('over the subsets') });

const rowSchema = z.strictObject({
  model: modelName,
  label: z.string().describe('as shown in tables, e.g. "Step-adaptive experts"'),
  macs: z.number().positive().describe('multiply-accumulates per network evaluation, mean over the steps visited'),
  macsRatio: z.number().positive().describe('macs over those of the base'),
  parameters: count.describe('of all networks that the sampler needs'),
  value: z.number().describe('the distance, mean over the seeds'),
  perSeed: z
    .array(
      z.strictObject({
        seed: count,
        value: z.number(),
        kid: kernelDistance,
        precision: z.number().optional(),
        recall: z.number().optional(),
        inceptionScore: z.strictObject({ mean: z.number(), std: z.number().describe('over the splits') }).optional(),
        extrapolated: z.number().optional().describe('the distance of infinitely many images'),
        similarity: z
          .strictObject({ ssim: z.number(), absoluteError: z.number(), rootMeanSquare: z.number() })
          .optional()
          .describe("to the base's images from the same noises"),
      }),
    )
    .min(1),
  kid: kernelDistance.describe('mean over the seeds of both'),
  samples: count.describe('images per seed'),
  secondsPerImage: z.number().positive().nullable().describe('measured on the machine of the run'),
  trainingMacs: z.number().nonnegative().describe('all training and search this model needed, base included'),
});

const groupSchema = z.strictObject({
  index: count.describe('0 = least noise'),
  from: count,
  to: count.describe('first timestep beyond the group'),
  snrDb: z.strictObject({ low: z.number(), high: z.number() }),
  visited: count.describe('sampler steps inside the group'),
  budget: z.number().positive().describe('asked for, as a ratio to the base'),
  baseMacs: z.number().positive(),
  requestedMacs: z.number().positive(),
  effectiveMacs: z.number().positive(),
  parameters: count,
  widths: z.array(z.strictObject({ id: z.string(), base: count, kept: count })).describe('prunable widths, channels'),
  loss: z
    .strictObject({ base: z.number(), untuned: z.number(), tuned: z.number() })
    .nullable()
    .describe('held-out denoising loss on the timesteps of the group: base, sliced, sliced and fine-tuned'),
});

const curveSchema = z.strictObject({
  stage: z.string().describe('"base", "uniform" or "expert 0"'),
  points: z.array(z.strictObject({ step: count, loss: z.number() })),
});

const timestepLossSchema = z.strictObject({
  from: count,
  to: count.describe('first timestep beyond the part'),
  losses: z.array(z.number()).describe('mean held-out loss of every model, in the order of the rows'),
});

const ledgerSchema = z.strictObject({
  stage: z.string(),
  kind: z.enum(['base', 'experts', 'uniform', 'search', 'evaluation']),
  macs: z.number().nonnegative(),
  seconds: z.number().nonnegative(),
});

const reportContentSchema = z.strictObject({
  project: z.string(),
  created: z.iso.datetime({ offset: true }),
  summary: z
    .array(z.strictObject({ name: z.string(), value: z.string() }))
    .describe('the configuration in a few lines, e.g. { name: "Data", value: "shapes, 16 x 16 x 3" }'),
  metric: z.string().describe('name of the distance, features included; lower is better'),
  rows: z.array(rowSchema).min(1),
  groups: z.array(groupSchema),
  snrDb: z.array(z.number()).describe('index = timestep, 0 = least noise'),
  curves: z.array(curveSchema),
  lossByTimestep: z.array(timestepLossSchema).default([]),
  samples: z
    .array(z.strictObject({ model: modelName, label: z.string(), png: z.base64().describe('a grid of images') }))
    .describe('same noises, same order in every grid'),
  ledger: z.array(ledgerSchema),
  protocol: protocolSchema,
  command: z.string().describe('what reproduces this report'),
  experiment: z
    .record(z.string(), z.unknown())
    .nullable()
    .default(null)
    .describe('the whole project file; null in reports of earlier versions'),
  environment: z.array(z.strictObject({ name: z.string(), value: z.string() })),
});

export const reportSchema = reportContentSchema.extend({
  format: z.literal('stepadapt-report'),
  version: z.literal(1),
  notes: z.array(z.string()).describe('what the numbers say, good or bad, in sentences'),
});

/** What the caller of a report knows. */
export type ReportContent = z.output<typeof reportContentSchema>;
export type ReportModel = z.output<typeof reportSchema>;
export type ReportRow = ReportModel['rows'][number];
export type ReportGroup = ReportModel['groups'][number];

/** Checks the content and adds the sentences that follow from its numbers. Throws a ZodError on malformed content. */
export function buildReport(content: ReportContent): ReportModel {
  const checked = reportContentSchema.parse(content);
  return reportSchema.parse({ format: 'stepadapt-report', version: 1, ...checked, notes: reportNotes(checked) });
}
