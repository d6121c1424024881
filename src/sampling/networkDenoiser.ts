import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../contract/config.js';
import type { NoiseSchedule } from '../diffusion/noiseSchedule.js';
import { impliedImage, impliedNoise, type LinearForm, type PredictionKind } from '../diffusion/prediction.js';
import { toRuntime } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { hostValues } from '../tensor/hostValues.js';
import { requirePrecision } from '../tensor/precision.js';
import type { Denoiser, Prediction } from './denoiser.js';
import { forwardPass } from './forwardPass.js';

/** What the output of a network means: of which noise, and what of it; and how it is computed. */
export interface PredictionMeaning {
  readonly schedule: NoiseSchedule;
  readonly prediction: PredictionKind;
  /** Arithmetic of its convolutions and matrix products; float32 by default. */
  readonly precision?: Precision;
}

/**
 * A network as a denoiser. Its weights are copied into the engine's memory once and stay there until `dispose`.
 *
 * @param warn told when the network runs slower than the engine could run it, and why
 * @throws input error `PRECISION_UNAVAILABLE` when the engine has no such arithmetic
 */
export function createNetworkDenoiser(
  spec: UNetSpec,
  weights: Weights,
  meaning: PredictionMeaning,
  warn: (message: string) => void = () => {},
): Denoiser {
  requirePrecision(meaning.precision ?? 'float32');
  const runtime = toRuntime(weights);
  const forward = forwardPass(spec, runtime, warn, meaning.precision);
  return {
    predict(x, count, timestep) {
      const [prediction, variance] = hostValues(() => {
        const images = tf.tensor4d(x, [count, spec.size, spec.size, spec.inChannels]);
        const output = forward(images, tf.fill([count], timestep));
        return tf.split(output, spec.outChannels / spec.inChannels, 3);
      });
      return {
        ...interpret(meaning, x, prediction, timestep),
        ...(variance && { varianceFraction: variance.map((value) => (value + 1) / 2) }),
      };
    },
    dispose() {
      tf.dispose([...runtime.values()]);
      runtime.clear();
    },
  };
}

function interpret(
  { schedule, prediction: kind }: PredictionMeaning,
  x: Float32Array,
  prediction: Float32Array,
  timestep: number,
): Prediction {
  const alphaBar = schedule.alphaBar[timestep];
  const noise = kind === 'epsilon' ? prediction : combine(impliedNoise(kind, alphaBar), x, prediction);
  return alphaBar === 0 ? { noise, image: combine(impliedImage(kind, alphaBar), x, prediction) } : { noise };
}

function combine({ ofXt, ofPrediction }: LinearForm, x: Float32Array, prediction: Float32Array): Float32Array {
  return x.map((value, i) => ofXt * value + ofPrediction * prediction[i]);
}
