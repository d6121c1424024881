import type { ExperimentConfig, Precision } from '../contract/config.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';

/** One micro-batch, host memory, pixels last: `xt` and `target` are (N, H, W, C) row-major float32. */
export interface MicroBatch {
  readonly count: number;
  /** Noised images q(x_t | x_0). */
  readonly xt: Float32Array;
  /** What the network should predict: noise, image or velocity. */
  readonly target: Float32Array;
  /** (N) integer timesteps in [0, T). */
  readonly timesteps: Int32Array;
  /** (N) weight of each image's squared error; all ones for the simple loss. */
  readonly weights: Float32Array;
  /** (N, BOUND_TERMS) of `boundTerms` where the network learns the variance; absent elsewhere. */
  readonly bound?: Float32Array;
}

/** Learning rate, EMA decay and clip of one optimizer update. */
export interface UpdateSettings {
  /** 1-based count of optimizer updates, for Adam's bias correction. */
  readonly update: number;
  readonly learningRate: number;
  /** Decay of the EMA at this update, in [0, 1). */
  readonly emaDecay: number;
  /** Largest global gradient norm. */
  readonly clip: number;
  /** Names this update's dropout masks: masks depend on (seed, stream, update) alone, so that resume repeats them. */
  readonly dropoutKey: { readonly seed: number; readonly stream: string };
}

/** How a step is computed. */
export interface StepOptions {
  /** Arithmetic of convolutions, matrix products and their gradients; float32 by default. */
  readonly precision?: Precision;
  /** Whether the insides of residual blocks are computed again for the gradients instead of being kept; false by default. */
  readonly gradientCheckpointing?: boolean;
}

export interface StepResult {
  /** What was trained on, mean over the whole batch: weighted squared error, and the bound where the variance is learned. */
  readonly loss: number;
  /** (sum of counts) unweighted mean squared error per image, in batch order. */
  readonly perImageLoss: Float32Array;
  /** Global gradient norm before clipping. */
  readonly gradientNorm: number;
  /** Where loss or norm is not finite: the first tensor, by name, whose gradient has such a value; null when none has. */
  readonly notFinite?: string | null;
}

/** Everything an optimizer needs to go on. Names and layouts are those of `Weights`. */
export interface OptimizerState {
  readonly weights: Weights;
  readonly ema: Weights;
  readonly firstMoment: Weights;
  readonly secondMoment: Weights;
}

/**
 * A trainable network in the engine's memory: one update per call. The eager implementation is the source of truth; others
 * must agree with it.
 */
export interface TrainStep {
  readonly spec: UNetSpec;
  /** One optimizer update from the gradients of the mean loss over all micro-batches together. */
  update(batches: readonly MicroBatch[], settings: UpdateSettings): StepResult;
  /** Copies the state to host memory. */
  snapshot(): OptimizerState;
  /** Frees the engine's memory. Using the object afterwards is an error. */
  dispose(): void;
}

/** How an experiment's networks are trained. */
export function stepOptions({ precision, base }: Pick<ExperimentConfig, 'precision' | 'base'>): StepOptions {
  return { precision, gradientCheckpointing: base.gradientCheckpointing };
}
