import { z } from 'zod';
import { protocolSchema } from '../evaluation/protocol.js';

const timestepLossSchema = z.object({
  /** Timesteps [from, to). */
  from: z.number().int(),
  to: z.number().int(),
  /** Mean held-out loss on the same images and noises for every model, in the order of `rows`. */
  losses: z.array(z.number()),
});

/** `stages/evaluation/evaluation.json`: what was measured of each model, with the protocol that makes it a number. */
export const evaluationResultSchema = z.object({
  rows: z.array(
    z.object({
      model: z.enum(['base', 'uniform', 'adaptive']),
      /** Mean MACs over the visited steps, as a ratio to the base. */
      macsRatio: z.number(),
      /** Of all networks the model needs. */
      parameters: z.number().int(),
      secondsPerImage: z.number(),
      perSeed: z.array(
        z.object({
          seed: z.number().int(),
          fd: z.number(),
          kid: z.object({ mean: z.number(), std: z.number() }),
          /** The following are there when the config asks for them. */
          precision: z.number().optional(),
          recall: z.number().optional(),
          inceptionScore: z.object({ mean: z.number(), std: z.number() }).optional(),
          /** The distance extrapolated to infinitely many images. */
          extrapolated: z.number().optional(),
          /** Against the base's images from the same noises; not on the base itself. */
          similarity: z.object({ ssim: z.number(), absoluteError: z.number(), rootMeanSquare: z.number() }).optional(),
        }),
      ),
    }),
  ),
  /** Held-out loss over the timesteps, least noise first; evaluations of earlier versions have none. */
  lossByTimestep: z.array(timestepLossSchema).default([]),
  protocol: protocolSchema,
});

export type EvaluationResult = z.output<typeof evaluationResultSchema>;
export type EvaluatedModel = EvaluationResult['rows'][number]['model'];
export type TimestepLoss = EvaluationResult['lossByTimestep'][number];
