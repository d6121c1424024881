import type { NoiseSchedule } from './noiseSchedule.js';
import { impliedImage, type PredictionKind } from './prediction.js';

/** The step from one timestep to a less noisy one, q(x_next | x_t, x_0) (DDPM, arXiv 2006.11239, eq. 7). */
export interface Posterior {
  /** The mean is `ofImage * x_0 + ofXt * x_t`. */
  readonly ofImage: number;
  readonly ofXt: number;
  /** Its variance: the lower bound of a learned one. Zero where the next image is clean. */
  readonly variance: number;
  /** Variance that the jump adds, 1 - alphaBar / alphaBarNext: the upper bound of a learned one. */
  readonly beta: number;
}

/**
 * @param alphaBar at the timestep, in [0, 1)
 * @param alphaBarNext at the next timestep, in [alphaBar, 1] and above 0; 1 where the image is clean
 */
export function posterior(alphaBar: number, alphaBarNext: number): Posterior {
  const alpha = alphaBar / alphaBarNext;
  const beta = 1 - alpha;
  return {
    ofImage: (Math.sqrt(alphaBarNext) * beta) / (1 - alphaBar),
    ofXt: (Math.sqrt(alpha) * (1 - alphaBarNext)) / (1 - alphaBar),
    variance: (beta * (1 - alphaBarNext)) / (1 - alphaBar),
    beta,
  };
}

/** Numbers of `boundTerms`. */
export const BOUND_TERMS = 7;

/** Share of the variational bound in the hybrid loss (improved DDPM, arXiv 2102.09672, section 3.1). */
const BOUND_WEIGHT = 0.001;

/**
 * What the variational bound at timestep `t` needs, in this order:
 *
 * 0. `imageOfXt` and 1. `imageOfPrediction`: the image as a linear form, needed at t = 0 and zero elsewhere, where it may
 *    exceed single precision;
 * 2. `meanOfPrediction`: change of the step's mean per change of the prediction;
 * 3. `logPosterior` and 4. `logBeta`: bounds of the log variance. The variance at t = 0 would be zero: that of t = 1 stands in;
 * 5. `first`: 1 at t = 0, where the bound is a likelihood of pixels, else 0;
 * 6. `weight`: of this timestep's term of the bound in the loss. The bound is a sum over T timesteps, so one drawn at random
 *    stands for T of them.
 */
export function boundTerms(schedule: NoiseSchedule, prediction: PredictionKind, t: number): number[] {
  const { alphaBar, timesteps } = schedule;
  const image = impliedImage(prediction, alphaBar[t]);
  const { ofImage, variance, beta } = posterior(alphaBar[t], t === 0 ? 1 : alphaBar[t - 1]);
  const lower = t === 0 ? posterior(alphaBar[1], alphaBar[0]).variance : variance;
  const first = t === 0;
  return [
    first ? image.ofXt : 0,
    first ? image.ofPrediction : 0,
    ofImage * image.ofPrediction,
    Math.log(lower),
    Math.log(beta),
    first ? 1 : 0,
    BOUND_WEIGHT * timesteps,
  ];
}
