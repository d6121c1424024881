import type { DiffusionConfig } from '../contract/config.js';

/** How much noise each timestep carries. Index = timestep, 0 = least noise; all arrays have T entries, float64. */
export interface NoiseSchedule {
  readonly kind: DiffusionConfig['schedule'];
  /** T, number of timesteps. */
  readonly timesteps: number;
  /** Variance added by the step to timestep t, in (0, 1); 1 at the last timestep with zero terminal SNR. */
  readonly betas: Float64Array;
  /**
   * Share of the image's variance left at timestep t: prod_{s<=t} (1 - beta_s), strictly decreasing, in (0, 1); exactly 0 at
   * the last timestep with zero terminal SNR.
   */
  readonly alphaBar: Float64Array;
  /**
   * Difficulty of timestep t: 10 log10(alphaBar / (1 - alphaBar)), decibels, strictly decreasing (arXiv 2312.13307). Always
   * finite, so that it can be clustered, drawn and saved: a timestep without any signal stands `NO_SIGNAL_STEP_DB` below its
   * neighbour.
   */
  readonly snrDb: Float64Array;
}

/** End points of the linear schedule (DDPM, arXiv 2006.11239); the sigmoid schedule has the same. */
const LINEAR_BETAS = { first: 1e-4, last: 0.02 };
/** End points of the scaled-linear schedule (configs of latent diffusion, arXiv 2112.10752). */
const SCALED_LINEAR_BETAS = { first: 0.0015, last: 0.0195 };
/** Offset of the cosine schedule, and the largest beta it may give (improved DDPM, arXiv 2102.09672, eq. 17). */
const COSINE = { offset: 0.008, largestBeta: 0.999 };
/** The sigmoid schedule runs over this interval, to both sides of zero. */
const SIGMOID_REACH = 6;
/** Decibels between a timestep without signal and its neighbour, in place of infinity. */
const NO_SIGNAL_STEP_DB = 10;

/**
 * The noise schedule of an experiment.
 *
 * - `linear`: betas from 1e-4 to 0.02 (DDPM).
 * - `scaled-linear`: squares of evenly spaced numbers, from 0.0015 to 0.0195 (latent diffusion).
 * - `cosine`: alphaBar falls as a squared cosine (improved DDPM).
 * - `sigmoid`: betas rise from 1e-4 to 0.02 as the logistic function from -6 to 6 (GeoDiff, arXiv 2203.02923).
 *
 * All but `cosine` keep their end points at any T, as diffusers does: far below T = 1000 they leave much of the image at the
 * last timestep, unless `zeroTerminalSnr` takes the rest away.
 */
export function noiseSchedule(
  config: Pick<DiffusionConfig, 'schedule' | 'timesteps'> & Partial<Pick<DiffusionConfig, 'zeroTerminalSnr'>>,
): NoiseSchedule {
  const { schedule: kind, timesteps } = config;
  const published = BETAS[kind](timesteps);
  const alphaBar = cumulativeProduct(published.map((beta) => 1 - beta));
  if (config.zeroTerminalSnr !== true) {
    return { kind, timesteps, betas: published, alphaBar, snrDb: decibels(alphaBar) };
  }
  const rescaled = withoutTerminalSignal(alphaBar);
  const betas = rescaled.map((kept, t) => 1 - kept / (t === 0 ? 1 : rescaled[t - 1]));
  return { kind, timesteps, betas, alphaBar: rescaled, snrDb: decibels(rescaled) };
}

const BETAS: Readonly<Record<DiffusionConfig['schedule'], (timesteps: number) => Float64Array>> = {
  linear: (timesteps) => evenlySpaced(LINEAR_BETAS.first, LINEAR_BETAS.last, timesteps),
  'scaled-linear': (timesteps) => {
    const { first, last } = SCALED_LINEAR_BETAS;
    return evenlySpaced(Math.sqrt(first), Math.sqrt(last), timesteps).map((root) => root ** 2);
  },
  cosine: (timesteps) => {
    const kept = (t: number) => Math.cos(((t / timesteps + COSINE.offset) / (1 + COSINE.offset)) * (Math.PI / 2)) ** 2;
    return Float64Array.from({ length: timesteps }, (_, t) => Math.min(1 - kept(t + 1) / kept(t), COSINE.largestBeta));
  },
  sigmoid: (timesteps) => {
    const { first, last } = LINEAR_BETAS;
    return evenlySpaced(-SIGMOID_REACH, SIGMOID_REACH, timesteps).map(
      (x) => first + (last - first) / (1 + Math.exp(-x)),
    );
  },
};

/**
 * Shifts and scales sqrt(alphaBar) so that it ends at zero and begins where it did (arXiv 2305.08891, algorithm 1).
 * @returns alphaBar
 */
function withoutTerminalSignal(alphaBar: Float64Array): Float64Array {
  const first = Math.sqrt(alphaBar[0]);
  const last = Math.sqrt(alphaBar[alphaBar.length - 1]);
  return alphaBar.map((kept) => (((Math.sqrt(kept) - last) * first) / (first - last)) ** 2);
}

function decibels(alphaBar: Float64Array): Float64Array {
  const snrDb = alphaBar.map((kept) => 10 * Math.log10(kept / (1 - kept)));
  const last = snrDb.length - 1;
  if (alphaBar[last] === 0) snrDb[last] = snrDb[last - 1] - NO_SIGNAL_STEP_DB;
  return snrDb;
}

function evenlySpaced(first: number, last: number, count: number): Float64Array {
  const step = (last - first) / (count - 1);
  return Float64Array.from({ length: count }, (_, i) => first + i * step);
}

function cumulativeProduct(factors: Float64Array): Float64Array {
  let product = 1;
  return factors.map((factor) => (product *= factor));
}
