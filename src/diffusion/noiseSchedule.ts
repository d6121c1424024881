import type { DiffusionConfig } from '../contract/config.js';

/** How much noise each timestep carries. Index = timestep, 0 = least noise; all arrays have T entries, float64. */
export interface NoiseSchedule {
  readonly kind: DiffusionConfig['schedule'];
  /** T, number of timesteps. */
  readonly timesteps: number;
  /** Variance added by the step to timestep t, in (0, 1). */
  readonly betas: Float64Array;
  /** Share of the image's variance left at timestep t: prod_{s<=t} (1 - beta_s), strictly decreasing, in (0, 1). */
  readonly alphaBar: Float64Array;
  /** Difficulty of timestep t: 10 log10(alphaBar / (1 - alphaBar)), decibels, strictly decreasing (arXiv 2312.13307). */
  readonly snrDb: Float64Array;
}

/** End points of the linear schedule (DDPM, arXiv 2006.11239). */
const LINEAR_BETAS = { first: 1e-4, last: 0.02 };
/** Offset of the cosine schedule, and the largest beta it may give (improved DDPM, arXiv 2102.09672, eq. 17). */
const COSINE = { offset: 0.008, largestBeta: 0.999 };

/**
 * The noise schedule of an experiment.
 *
 * `linear` keeps its end points at any T, as DDPM and diffusers do: far below T = 1000 it leaves much of the image at the last
 * timestep, where `cosine` does not.
 */
export function noiseSchedule(config: Pick<DiffusionConfig, 'schedule' | 'timesteps'>): NoiseSchedule {
  const { schedule: kind, timesteps } = config;
  const betas = kind === 'linear' ? linearBetas(timesteps) : cosineBetas(timesteps);
  const alphaBar = new Float64Array(timesteps);
  let product = 1;
  betas.forEach((beta, t) => {
    product *= 1 - beta;
    alphaBar[t] = product;
  });
  const snrDb = alphaBar.map((kept) => 10 * Math.log10(kept / (1 - kept)));
  return { kind, timesteps, betas, alphaBar, snrDb };
}

function linearBetas(timesteps: number): Float64Array {
  const step = (LINEAR_BETAS.last - LINEAR_BETAS.first) / (timesteps - 1);
  return Float64Array.from({ length: timesteps }, (_, t) => LINEAR_BETAS.first + t * step);
}

function cosineBetas(timesteps: number): Float64Array {
  const kept = (t: number) => Math.cos(((t / timesteps + COSINE.offset) / (1 + COSINE.offset)) * (Math.PI / 2)) ** 2;
  return Float64Array.from({ length: timesteps }, (_, t) => Math.min(1 - kept(t + 1) / kept(t), COSINE.largestBeta));
}
