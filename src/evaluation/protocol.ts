import { z } from 'zod';
import { samplingSchema, type SamplingConfig } from '../contract/config.js';
import type { FeatureExtractor } from './featureExtractor.js';

const sampling = samplingSchema.unwrap().shape;

/**
 * Everything that a value depends on besides the model. It travels with the value: two values may be compared only where
 * their protocols agree.
 */
export const protocolSchema = z.strictObject({
  metric: z.string().describe('name of the distance, features included'),
  features: z.strictObject({
    id: z.string(),
    hash: z.string().describe('SHA-256 of the feature network'),
    dimensions: z.number().int(),
    accuracy: z.number().nullable().describe('held-out accuracy of the classifier behind the features'),
  }),
  samples: z.number().int().describe('generated images per model and seed'),
  seeds: z.array(z.number().int()).describe('sampling seeds; every model starts from the same noises'),
  sampler: z.strictObject({
    method: sampling.method.unwrap(),
    steps: z.number().int(),
    grid: sampling.grid.unwrap(),
    visited: z.array(z.number().int()).describe('timesteps in calling order, duplicates included'),
    eta: z.number().describe('DDIM noise'),
    variance: sampling.variance.unwrap().describe('DDPM variance of networks that did not learn it'),
    clip: z.boolean().describe('predicted images clipped to [-1, 1] at each step'),
  }),
  weights: z.enum(['ema', 'raw']),
  resize: z.string().describe('how images were brought to the size of the feature network'),
  reference: z.strictObject({
    source: z.string(),
    images: z.number().int(),
    hash: z.string().describe('SHA-256 of the reference data set'),
  }),
  covariance: z.literal('n - 1'),
  kernel: z.strictObject({
    formula: z.literal('(x.y / d + 1)^3'),
    subsets: z.number().int(),
    subsetSize: z.number().int(),
    seed: z.number().int().describe('seed of the subsets'),
  }),
  neighbours: z
    .number()
    .int()
    .optional()
    .describe('precision and recall: the radius reaches to this nearest neighbour'),
  splits: z.number().int().optional().describe('Inception Score: parts that it is averaged over'),
  extrapolation: z
    .strictObject({ sizes: z.array(z.number().int()), seed: z.number().int() })
    .optional()
    .describe('numbers of images that the distance of infinitely many was fitted to'),
  software: z.string().describe('name and version of the program and of its engine'),
});

export type Protocol = z.output<typeof protocolSchema>;

/** Name of the kernel distance beside this Frechet distance: only the features of FID make it a KID. */
export function kernelLabel(metric: string): string {
  return metric === 'FID' ? 'KID' : metric.replace(/^FD/, 'KD');
}

/** What of the protocol the caller of an evaluation decides. */
export interface ProtocolContext {
  readonly sampling: SamplingConfig;
  /** `visitedTimesteps(sampling, T)`. */
  readonly visited: Int32Array;
  /** Seed of this set of samples. */
  readonly seed: number;
  readonly weights: 'ema' | 'raw';
  /** `StepAdapt Studio 0.1.0, TensorFlow 2.21.0 on cpu`. */
  readonly software: string;
}

/** The protocol of one evaluation of one set of samples. */
export function describeProtocol(options: {
  readonly extractor: FeatureExtractor;
  readonly context: ProtocolContext;
  readonly samples: number;
  readonly reference: Protocol['reference'];
  readonly kernel: { readonly subsets: number; readonly subsetSize: number; readonly seed: number };
  /** Settings of the metrics that were asked for beside the distances. */
  readonly further?: Pick<Protocol, 'neighbours' | 'splits' | 'extrapolation'>;
}): Protocol {
  const { extractor, context, samples, reference, kernel, further } = options;
  const { method, steps, grid, eta, variance, clip } = context.sampling;
  return {
    metric: extractor.label,
    features: {
      id: extractor.id,
      hash: extractor.hash,
      dimensions: extractor.dimensions,
      accuracy: extractor.accuracy,
    },
    samples,
    seeds: [context.seed],
    sampler: { method, steps, grid, visited: [...context.visited], eta, variance, clip },
    weights: context.weights,
    resize: extractor.resize,
    reference,
    covariance: 'n - 1',
    kernel: { formula: '(x.y / d + 1)^3', ...kernel },
    ...further,
    software: context.software,
  };
}
