import { z } from 'zod';
import { pruningSchema } from './config.js';

const { importance, normPolicy, scope } = pruningSchema.unwrap().shape;

/** What stages decided and measured, as JSON files beside their checkpoints. */

/** `stages/grouping/grouping.json` */
export const groupingResultSchema = z.object({
  bounds: z.array(z.number().int()),
  cost: z.number(),
  k: z.number(),
  meanBudget: z.number(),
  /** Held-out loss increase of each group under the trial pruning; null where budgets were not measured. */
  lossIncrease: z.array(z.number()).nullable().default(null),
  groups: z.array(
    z.object({
      index: z.number().int(),
      from: z.number().int(),
      to: z.number().int(),
      budget: z.number(),
      visited: z.number().int(),
      snrDb: z.tuple([z.number(), z.number()]),
    }),
  ),
});
export type GroupingResult = z.output<typeof groupingResultSchema>;

/** `stages/latency/latency.json`: forward passes timed on the machine in use, once; what decides by them reads them here. */
export const latencyTableSchema = z.object({
  /** What was timed on. */
  engine: z.object({ id: z.string(), version: z.string(), device: z.string(), threads: z.number().nullable() }),
  /** Images of a timed forward pass. */
  batch: z.number().int(),
  /** Median time of the whole base network. */
  baseMilliseconds: z.number().positive(),
  /** For each prunable width, the median time of its block alone with that many of its channels, fewest first. */
  widths: z.array(
    z.object({
      id: z.string(),
      full: z.number().int(),
      points: z.array(z.object({ width: z.number().int(), milliseconds: z.number().nonnegative() })).min(1),
    }),
  ),
});
export type LatencyTable = z.output<typeof latencyTableSchema>;

/** `pruning.json` of an expert or of the uniform baseline: the network that pruning chose, and why. */
export const pruningResultSchema = z.object({
  /** Timesteps the network is for, [from, to). */
  from: z.number().int(),
  to: z.number().int(),
  /** Ratio to the base's MACs that was asked for, and that the legal widths allowed. */
  requested: z.number(),
  effective: z.number(),
  macs: z.number(),
  parameters: z.number().int(),
  widths: z.array(z.object({ id: z.string(), full: z.number().int(), kept: z.number().int() })),
  /** Kept channels of each width, sorted. */
  keep: z.record(z.string(), z.array(z.number().int())),
  importance: importance.unwrap(),
  /** The rule that made the widths legal. */
  normPolicy,
  scope,
  /** Where a budget is one of measured time: the share of the base's time that the latency table gives the chosen widths. */
  effectiveLatency: z.number().nullable().default(null),
  /** Spearman correlation between the scores of two halves of the evidence; null where there is no evidence to halve. */
  confidence: z.number().nullable(),
  /** Candidates scored by the proxy search. */
  rounds: z.number().int(),
  /** Held-out loss of the chosen candidate in the proxy search; null without a search. */
  proxyScore: z.number().nullable(),
  searchMacs: z.number(),
});
export type PruningResult = z.output<typeof pruningResultSchema>;

/** `importance.json`: the score of every channel of every prunable width, as the search used them. */
export const importanceResultSchema = z.array(z.object({ id: z.string(), scores: z.array(z.number()) }));
export type ImportanceResult = z.output<typeof importanceResultSchema>;

/** `losses.json` of an expert: held-out loss on its own timesteps, at fixed images, noises and timesteps. */
export const groupLossesSchema = z.object({
  base: z.number(),
  sliced: z.number(),
  tuned: z.number(),
  images: z.number().int(),
  /** The same by timestep: means over equal parts of the group, at the middle timestep of each; null in older projects. */
  byTimestep: z
    .object({
      timesteps: z.array(z.number().int()),
      base: z.array(z.number()),
      sliced: z.array(z.number()),
      tuned: z.array(z.number()),
    })
    .nullable()
    .default(null),
});
export type GroupLosses = z.output<typeof groupLossesSchema>;
