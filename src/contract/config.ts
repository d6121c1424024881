import { z } from 'zod';

/**
 * The experiment, declared. Every field has a default, a range and a doc line (its description); nobody else copies a
 * default. `configSchema.parse({})` is a complete experiment. Unknown fields are refused.
 */

const positiveInt = (description: string, fallback: number, max = 1_000_000_000) =>
  z.number().int().min(1).max(max).default(fallback).describe(description);
const nonNegativeInt = (description: string, fallback: number, max = 1_000_000_000) =>
  z.number().int().min(0).max(max).default(fallback).describe(description);
const fraction = (description: string, fallback: number) =>
  z.number().min(0).max(1).default(fallback).describe(description);

export const dataSchema = z
  .strictObject({
    source: z
      .enum(['shapes', 'fashion-mnist', 'cifar10', 'idx', 'images'])
      .default('shapes')
      .describe('where images come from; "shapes" is embedded and needs nothing'),
    path: z.string().min(1).optional().describe('file or folder of the data; standard places are searched without it'),
    size: z.number().int().min(8).max(512).default(16).describe('side of the square images, pixels'),
    channels: z
      .union([z.literal(1), z.literal(3)])
      .default(3)
      .describe('1 = grey, 3 = RGB'),
    flip: z.boolean().default(false).describe('random horizontal flips in training'),
    count: positiveInt('images made by the embedded source, or at most this many read from others', 60_000, 10_000_000),
  })
  .prefault({});

export const diffusionSchema = z
  .strictObject({
    schedule: z.enum(['linear', 'cosine']).default('linear').describe('noise schedule'),
    timesteps: z.number().int().min(2).max(10_000).default(1000).describe('T, number of diffusion timesteps'),
    prediction: z.enum(['epsilon']).default('epsilon').describe('what the network predicts'),
  })
  .prefault({});

export const modelSchema = z
  .strictObject({
    channels: z.number().int().min(4).max(1024).default(32).describe('channels of the first level'),
    multipliers: z
      .array(z.number().int().min(1).max(16))
      .min(1)
      .max(8)
      .default([1, 2])
      .describe('width of each level, times channels'),
    blocks: z.number().int().min(1).max(8).default(1).describe('residual blocks per level'),
    attention: z.array(z.number().int().min(1)).default([8]).describe('resolutions with self-attention, pixels'),
    dropout: z.number().min(0).max(0.9).default(0).describe('dropout probability inside residual blocks'),
    normGroups: z.number().int().min(1).max(64).default(8).describe('groups of every GroupNorm'),
  })
  .prefault({});

export const emaSchema = z
  .strictObject({
    decay: z
      .number()
      .min(0)
      .max(0.999999)
      .default(0.9999)
      .describe('largest decay of the moving average of the weights'),
    warmup: z
      .boolean()
      .default(true)
      .describe('decay grows as (1+n)/(10+n), so that short runs do not keep their initial weights'),
  })
  .prefault({});

export const baseSchema = z
  .strictObject({
    steps: positiveInt('optimizer steps of the base model', 2000),
    batch: positiveInt('images per optimizer step', 64, 65_536),
    microBatch: positiveInt('images per forward pass; gradients are accumulated up to batch', 65_536, 65_536),
    learningRate: z.number().gt(0).max(1).default(2e-4).describe('Adam learning rate after warm-up'),
    warmup: nonNegativeInt('steps of linear warm-up', 100),
    clip: z.number().gt(0).default(1).describe('largest global gradient norm'),
    ema: emaSchema,
    checkpointEvery: positiveInt('steps between checkpoints', 500),
    sampleEvery: nonNegativeInt('steps between sample grids, 0 = only at the end', 500),
    keepCheckpoints: positiveInt('newest checkpoints kept', 2, 1000),
  })
  .prefault({});

export const groupingSchema = z
  .strictObject({
    method: z
      .enum(['uniform', 'snr-uniform', 'dp-timestep', 'dp-snr'])
      .default('dp-snr')
      .describe('how timesteps are partitioned'),
    groups: z.number().int().min(1).max(100).default(5).describe('number of timestep groups'),
    clipDb: z
      .number()
      .gt(0)
      .nullable()
      .default(null)
      .describe('snr-uniform: decibels are clipped to this magnitude first; null = no clip'),
    minSize: nonNegativeInt('smallest group, timesteps; 0 = no limit', 0),
    maxSize: nonNegativeInt('largest group, timesteps; 0 = no limit', 0),
  })
  .prefault({});

export const budgetSchema = z
  .strictObject({
    k: z
      .number()
      .gt(0)
      .max(1)
      .nullable()
      .default(null)
      .describe('smallest ratio of the linear rule; null = solved for targetMean'),
    targetMean: z
      .number()
      .gt(0)
      .max(1)
      .default(0.8)
      .describe('mean MACs over the steps the sampler visits, as a ratio to the base'),
    indexBase: z
      .union([z.literal(0), z.literal(1)])
      .default(1)
      .describe('whether the linear rule counts groups from 0 or 1'),
    orientation: z.enum(['high-snr', 'low-snr']).default('high-snr').describe('which end gets the largest model'),
  })
  .prefault({});

export const pruningSchema = z
  .strictObject({
    importance: z.enum(['magnitude', 'taylor']).default('taylor').describe('importance of a channel'),
    evidence: positiveInt('batches of gradients behind the Taylor importance, per group', 16, 10_000),
    allocator: z
      .enum(['uniform', 'global'])
      .default('global')
      .describe('one ratio for all layers, or global ranking by importance per MAC'),
    minimumKeep: z.number().gt(0).max(1).default(0.125).describe('smallest kept fraction of any width'),
    rounds: nonNegativeInt('rounds of the proxy search; 0 keeps the importance start', 4, 1000),
    proxySteps: nonNegativeInt('fine-tuning steps before a candidate is scored', 10, 100_000),
    proxyImages: positiveInt('held-out images per group loss', 128, 100_000),
  })
  .prefault({});

export const expertsSchema = z
  .strictObject({
    steps: positiveInt('fine-tuning steps per expert', 500),
    learningRate: z.number().gt(0).max(1).default(2e-4).describe('Adam learning rate of fine-tuning'),
    warmup: nonNegativeInt('steps of linear warm-up', 20),
    overlap: nonNegativeInt('timesteps beyond each border that an expert also trains on', 0),
    outsideProbability: fraction('probability of a training timestep drawn from all timesteps', 0),
  })
  .prefault({});

export const samplingSchema = z
  .strictObject({
    method: z.enum(['ddim', 'ddpm']).default('ddim').describe('sampler'),
    steps: positiveInt('network evaluations per image', 50, 10_000),
    grid: z.enum(['uniform', 'quadratic']).default('uniform').describe('which timesteps are visited'),
    eta: fraction('DDIM noise, 0 = deterministic', 0),
    variance: z.enum(['small', 'large']).default('large').describe('DDPM: posterior (small) or beta (large) variance'),
    clip: z.boolean().default(true).describe('clip the predicted image to [-1, 1] at each step'),
    batch: positiveInt('images per sampling batch', 64, 65_536),
  })
  .prefault({});

export const evaluationSchema = z
  .strictObject({
    samples: z.number().int().min(2).max(1_000_000).default(1000).describe('images per model'),
    seeds: z
      .array(z.number().int().min(0))
      .min(1)
      .max(100)
      .default([0])
      .describe('sampling seeds; spread is shown over them'),
    uniformBaseline: z.boolean().default(true).describe('also make one uniformly pruned model of equal mean MACs'),
  })
  .prefault({});

export const configSchema = z.strictObject({
  seed: z.number().int().min(0).max(4_294_967_295).default(0).describe('seed of every random stream'),
  engine: z.enum(['auto', 'native', 'wasm']).default('auto').describe('tensor engine'),
  data: dataSchema,
  diffusion: diffusionSchema,
  model: modelSchema,
  base: baseSchema,
  grouping: groupingSchema,
  budget: budgetSchema,
  pruning: pruningSchema,
  experts: expertsSchema,
  sampling: samplingSchema,
  evaluation: evaluationSchema,
});

export type ExperimentConfig = z.output<typeof configSchema>;
export type ExperimentConfigInput = z.input<typeof configSchema>;
export type DataConfig = ExperimentConfig['data'];
export type DiffusionConfig = ExperimentConfig['diffusion'];
export type ModelConfig = ExperimentConfig['model'];
export type BaseConfig = ExperimentConfig['base'];
export type GroupingConfig = ExperimentConfig['grouping'];
export type BudgetConfig = ExperimentConfig['budget'];
export type PruningConfig = ExperimentConfig['pruning'];
export type ExpertsConfig = ExperimentConfig['experts'];
export type SamplingConfig = ExperimentConfig['sampling'];
export type EvaluationConfig = ExperimentConfig['evaluation'];
