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
    schedule: z
      .enum(['linear', 'scaled-linear', 'cosine', 'sigmoid'])
      .default('linear')
      .describe('noise schedule: DDPM, latent diffusion, improved DDPM, GeoDiff'),
    timesteps: z.number().int().min(2).max(10_000).default(1000).describe('T, number of diffusion timesteps'),
    zeroTerminalSnr: z
      .boolean()
      .default(false)
      .describe('rescale the schedule so that nothing of the image is left at the last timestep; not with epsilon'),
    prediction: z
      .enum(['epsilon', 'x0', 'v'])
      .default('epsilon')
      .describe('what the network predicts: the noise, the image, or the velocity between them'),
    variance: z
      .enum(['fixed', 'learned-range'])
      .default('fixed')
      .describe('learned-range: the network also says where the variance of a step lies between its bounds'),
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
    attentionHeads: z.number().int().min(1).max(64).default(1).describe('heads of every attention block'),
    scaleShiftNorm: z
      .boolean()
      .default(false)
      .describe('the timestep scales and shifts the second norm of a residual block, in place of a bias before it'),
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

const learningRateDecay = z
  .enum(['none', 'cosine'])
  .default('none')
  .describe('after warm-up: constant, or down to zero along half a cosine, which ends short trainings with less noise');

export const baseSchema = z
  .strictObject({
    steps: positiveInt('optimizer steps of the base model', 2000),
    batch: positiveInt('images per optimizer step', 64, 65_536),
    microBatch: positiveInt('images per forward pass; gradients are accumulated up to batch', 65_536, 65_536),
    gradientCheckpointing: z
      .boolean()
      .default(false)
      .describe('compute the insides of residual blocks again for the gradients, which takes time and saves memory'),
    learningRate: z.number().gt(0).max(1).default(2e-4).describe('Adam learning rate after warm-up'),
    warmup: nonNegativeInt('steps of linear warm-up', 100),
    learningRateDecay,
    clip: z.number().gt(0).default(1).describe('largest global gradient norm'),
    lossWeight: z
      .enum(['simple', 'min-snr', 'p2'])
      .default('simple')
      .describe("weight of each timestep's loss: one, Min-SNR-gamma, or P2; experts are tuned with it too"),
    minSnrGamma: z
      .number()
      .gt(0)
      .max(1e6)
      .default(5)
      .describe('min-snr: signal-to-noise ratio above which weights fall'),
    p2K: z.number().gt(0).max(1e6).default(1).describe('p2: k of the weight 1 / (k + SNR)^gamma'),
    p2Gamma: z.number().min(0).max(10).default(1).describe('p2: gamma of the weight 1 / (k + SNR)^gamma'),
    ema: emaSchema,
    checkpointEvery: positiveInt('steps between checkpoints', 500),
    sampleEvery: nonNegativeInt('steps between sample grids, 0 = none', 500),
    keepCheckpoints: positiveInt('newest checkpoints kept', 2, 1000),
    imported: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable()
      .default(null)
      .describe('SHA-256 of the weights in imported/unet that take the place of training; set by `stepadapt import`'),
  })
  .prefault({});

export const groupingSchema = z
  .strictObject({
    method: z
      .enum(['uniform', 'snr-uniform', 'dp-timestep', 'dp-snr', 'dp-gradient', 'mixture'])
      .default('dp-snr')
      .describe('how timesteps are partitioned; the last two measure gradient similarity on the trained base'),
    groups: z.number().int().min(1).max(100).default(5).describe('number of timestep groups'),
    bounds: z
      .array(z.number().int().min(0))
      .min(2)
      .max(101)
      .nullable()
      .default(null)
      .describe('hand-set bounds 0 < ... < T, in place of method and groups'),
    clipDb: z
      .number()
      .gt(0)
      .nullable()
      .default(null)
      .describe('snr-uniform: decibels are clipped to this magnitude first; null = no clip'),
    minSize: nonNegativeInt('smallest group, timesteps; 0 = no limit', 0),
    maxSize: nonNegativeInt('largest group, timesteps; 0 = no limit', 0),
    similarityWeight: fraction('mixture: weight of gradient similarity against difficulty', 0.5),
    gradientPoints: z
      .number()
      .int()
      .min(2)
      .max(1000)
      .default(25)
      .describe('gradient similarity: timesteps it is measured at; interpolated between them'),
    gradientImages: positiveInt('gradient similarity: fixed images and noises per timestep', 64, 100_000),
    gradientDimensions: z
      .number()
      .int()
      .min(16)
      .max(1_048_576)
      .default(4096)
      .describe('gradient similarity: length of the random projection of a gradient'),
  })
  .overwrite((grouping) => (grouping.bounds === null ? grouping : { ...grouping, groups: grouping.bounds.length - 1 }))
  .prefault({});

export const budgetSchema = z
  .strictObject({
    rule: z
      .enum(['linear', 'explicit', 'measured'])
      .default('linear')
      .describe('linear in the rank by noise, the given ratios, or linear in the rank by measured loss increase'),
    ratios: z
      .array(z.number().gt(0).max(1))
      .min(1)
      .max(100)
      .nullable()
      .default(null)
      .describe("explicit: each group's ratio to the base's MACs, least noise first"),
    trialRatio: z
      .number()
      .gt(0)
      .max(1)
      .default(0.7)
      .describe('measured: ratio of the trial pruning whose loss increase ranks the groups'),
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
    importance: z
      .enum(['random', 'l1', 'l2', 'taylor', 'taylor-squared', 'diff-pruning'])
      .default('taylor')
      .describe(
        'importance of a channel: chance, size of its weights, size or square of weight times gradient over batches of the group, or (diff-pruning) its size over the timesteps in order until the loss is small',
      ),
    evidence: positiveInt('batches of gradients behind the Taylor importances, per group', 8, 10_000),
    scope: z
      .enum(['inner', 'inner+attention', 'all'])
      .default('inner')
      .describe(
        'which widths may shrink: inside residual blocks, also inside attention, or also the streams between blocks',
      ),
    normPolicy: z
      .enum(['whole-groups', 'equal-per-group', 'gcd'])
      .default('whole-groups')
      .describe(
        'channels under a GroupNorm: whole norm groups (exact; not for scope all), equally many of each, or any with fewer norm groups',
      ),
    allocator: z
      .enum(['uniform', 'global'])
      .default('global')
      .describe('one ratio for all layers, or global ranking by importance per MAC'),
    cost: z
      .enum(['macs', 'latency'])
      .default('macs')
      .describe(
        'what a budget is a share of: multiply-accumulates, or time that forward passes take on this machine, measured once (scopes inner and inner+attention)',
      ),
    minimumKeep: z.number().gt(0).max(1).default(0.125).describe('smallest kept fraction of any width'),
    widthMultiple: positiveInt(
      "channels that widths are multiples of, where the base's are: processors compute in blocks of 16, so other widths take the time of the next multiple",
      1,
      1024,
    ),
    rounds: nonNegativeInt('rounds of the proxy search; 0 keeps the importance start', 4, 1000),
    proxySteps: nonNegativeInt('fine-tuning steps before a candidate is scored', 4, 100_000),
    proxyImages: positiveInt('held-out images per group loss, or sampled images per distance', 128, 100_000),
    proxy: z
      .enum(['loss', 'distance'])
      .default('loss')
      .describe('score of a candidate: held-out group loss, or feature distance of samples with it in its group'),
    proposer: z
      .enum(['importance', 'random', 'evolutionary', 'language-model'])
      .default('importance')
      .describe('where the candidates of the proxy search come from'),
    memory: z.boolean().default(true).describe('whether a proposer sees earlier rounds; false is an ablation'),
    languageModel: z
      .strictObject({
        url: z
          .url({ protocol: /^https?$/ })
          // Such a password would end up in project files.
          .refine((url) => !/^[^/]*\/\/[^/]*@/.test(url), { error: 'must not hold a user name or password' })
          .default('http://127.0.0.1:8080/v1')
          .describe(
            'base address of an OpenAI-compatible service; a key is read from STEPADAPT_LANGUAGE_MODEL_KEY, or kept by the desktop window, and another machine gets it only if STEPADAPT_LANGUAGE_MODEL_URL or the window names it',
          ),
        model: z.string().min(1).max(200).default('default').describe('model name sent to the service'),
        timeoutSeconds: z.number().gt(0).max(3600).default(120).describe('longest wait for one answer'),
      })
      .prefault({}),
    proposerTranscript: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('language-model: recorded transcript whose answers are replayed instead of asking the service'),
  })
  .refine(({ cost, scope }) => cost === 'macs' || scope !== 'all', {
    error: '"latency" needs pruning.scope "inner" or "inner+attention", where a width can be timed by itself',
    path: ['cost'],
  })
  .prefault({});

export const expertsSchema = z
  .strictObject({
    steps: positiveInt('fine-tuning steps per expert', 500),
    learningRate: z.number().gt(0).max(1).default(2e-4).describe('Adam learning rate of fine-tuning'),
    warmup: nonNegativeInt('steps of linear warm-up', 20),
    learningRateDecay,
    overlap: nonNegativeInt('timesteps beyond each border that an expert also trains on', 0),
    outsideProbability: fraction('probability of a training timestep drawn from all timesteps', 0),
    antithetic: z.boolean().default(false).describe('draw timesteps in pairs t and from + to - 1 - t'),
    distillation: fraction("weight of the base's prediction against the noise as training target", 0),
    start: z
      .enum(['pruned', 'scratch'])
      .default('pruned')
      .describe("first weights: the base's kept channels, or new ones of the same widths"),
    evaluateEvery: nonNegativeInt('steps between held-out group losses; the best weights are kept; 0 = never', 0),
    evaluateImages: positiveInt('held-out images per such loss', 256, 100_000),
    patience: nonNegativeInt('such losses in a row without improvement before training stops; 0 = never', 0),
  })
  .refine(({ patience, evaluateEvery }) => patience === 0 || evaluateEvery > 0, {
    error: 'needs experts.evaluateEvery above 0',
    path: ['patience'],
  })
  .prefault({});

export const samplingSchema = z
  .strictObject({
    method: z.enum(['ddim', 'ddpm']).default('ddim').describe('sampler'),
    steps: positiveInt('network evaluations per image', 50, 10_000),
    grid: z
      .enum(['uniform', 'quadratic', 'trailing'])
      .default('uniform')
      .describe('which timesteps are visited; trailing begins with the last one, as zeroTerminalSnr needs'),
    eta: fraction('DDIM noise, 0 = deterministic', 0),
    variance: z
      .enum(['small', 'large'])
      .default('large')
      .describe('DDPM: posterior (small) or beta (large) variance, unless the network learned it'),
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
    features: z
      .enum(['project', 'inception'])
      .default('project')
      .describe("features of the distances: the project's own network, or the Inception network of FID"),
    inceptionWeights: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        "inception: weight file, .pth or .safetensors; null = the published one in PyTorch's or the program's cache",
      ),
    metrics: z
      .array(z.enum(['precision-recall', 'inception-score', 'extrapolated', 'similarity']))
      .default([])
      .describe(
        'further metrics: precision and recall; Inception Score (inception features); the distance of infinitely many images; SSIM and pixel error against the base from the same noises',
      ),
  })
  .refine(({ features, metrics }) => features === 'inception' || !metrics.includes('inception-score'), {
    error: 'the Inception Score needs evaluation.features "inception"',
    path: ['metrics'],
  })
  .prefault({});

export const configSchema = z.strictObject({
  seed: z.number().int().min(0).max(4_294_967_295).default(0).describe('seed of every random stream'),
  engine: z.enum(['auto', 'native', 'wasm']).default('auto').describe('tensor engine'),
  precision: z
    .enum(['float32', 'bfloat16'])
    .default('float32')
    .describe(
      'arithmetic of convolutions and matrix products in training and sampling; bfloat16 needs the native engine, and processors with AMX or AVX-512 BF16 to be fast',
    ),
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
export type Precision = ExperimentConfig['precision'];
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
