import { z } from 'zod';
import type { DiffusionConfig, SamplingConfig } from '../contract/config.js';
import { inputError, type StepAdaptError } from '../contract/errors.js';
import { safeParse } from '../contract/safeParse.js';

/** diffusers' names of schedules, and the end points of their betas that ours have. */
const SCHEDULES: Readonly<
  Record<DiffusionConfig['schedule'], { name: string; betas: readonly [number, number] | null }>
> = {
  linear: { name: 'linear', betas: [1e-4, 0.02] },
  'scaled-linear': { name: 'scaled_linear', betas: [0.0015, 0.0195] },
  cosine: { name: 'squaredcos_cap_v2', betas: null },
  sigmoid: { name: 'sigmoid', betas: [1e-4, 0.02] },
};
const PREDICTIONS: Readonly<Record<DiffusionConfig['prediction'], string>> = {
  epsilon: 'epsilon',
  x0: 'sample',
  v: 'v_prediction',
};

/** The content of `scheduler_config.json` as diffusers' `DDPMScheduler` writes it. */
export function schedulerConfig(
  diffusion: DiffusionConfig,
  sampling: Pick<SamplingConfig, 'variance' | 'clip'>,
): Record<string, unknown> {
  const { name, betas } = SCHEDULES[diffusion.schedule];
  return {
    _class_name: 'DDPMScheduler',
    beta_schedule: name,
    ...(betas !== null && { beta_start: betas[0], beta_end: betas[1] }),
    clip_sample: sampling.clip,
    clip_sample_range: 1,
    num_train_timesteps: diffusion.timesteps,
    prediction_type: PREDICTIONS[diffusion.prediction],
    rescale_betas_zero_snr: diffusion.zeroTerminalSnr,
    variance_type: diffusion.variance === 'learned-range' ? 'learned_range' : `fixed_${sampling.variance}`,
  };
}

/** What a scheduler's config may leave out, with `DDPMScheduler`'s defaults. */
const schedulerSchema = z.object({
  beta_schedule: z.string().default('linear'),
  beta_start: z.number().default(1e-4),
  beta_end: z.number().default(0.02),
  num_train_timesteps: z.number().int().min(2).default(1000),
  prediction_type: z.string().default('epsilon'),
  rescale_betas_zero_snr: z.boolean().default(false),
  trained_betas: z.null().default(null),
});

/**
 * The noise schedule and target that a `scheduler_config.json` describes.
 *
 * @param name of the file, for errors
 * @throws input error `SCHEDULE_UNSUPPORTED` for another schedule or target than this program has
 */
export function diffusionFromScheduler(
  content: unknown,
  name: string,
): Pick<DiffusionConfig, 'schedule' | 'timesteps' | 'prediction' | 'zeroTerminalSnr'> {
  const parsed = safeParse(schedulerSchema, content);
  if (!parsed.success) throw unsupported(name, parsed.error.issues[0].path.join('.'));
  const { beta_schedule: schedule, beta_start: start, beta_end: end, prediction_type: prediction } = parsed.data;
  const known = Object.entries(SCHEDULES).find(
    ([, { name: known, betas }]) => known === schedule && (betas === null || (betas[0] === start && betas[1] === end)),
  );
  if (known === undefined) throw unsupported(name, `beta_schedule ${schedule} from ${start} to ${end}`);
  const target = Object.entries(PREDICTIONS).find(([, theirs]) => theirs === prediction);
  if (target === undefined) throw unsupported(name, `prediction_type ${prediction}`);
  return {
    schedule: known[0] as DiffusionConfig['schedule'],
    timesteps: parsed.data.num_train_timesteps,
    prediction: target[0] as DiffusionConfig['prediction'],
    zeroTerminalSnr: parsed.data.rescale_betas_zero_snr,
  };
}

function unsupported(name: string, what: string): StepAdaptError {
  return inputError(
    'SCHEDULE_UNSUPPORTED',
    `${name} has ${what}, which this program cannot train experts for`,
    'a base must be trained on the linear, scaled_linear (0.0015 to 0.0195), squaredcos_cap_v2 or sigmoid schedule',
  );
}
