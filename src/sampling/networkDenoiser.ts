import * as tf from '@tensorflow/tfjs-core';
import { toRuntime } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import { unetForward } from '../model/unet.js';
import type { Weights } from '../model/weights.js';
import type { Denoiser } from './denoiser.js';

/** A network as a denoiser. Its weights are copied into the engine's memory once and stay there until `dispose`. */
export function createNetworkDenoiser(spec: UNetSpec, weights: Weights): Denoiser {
  const runtime = toRuntime(weights);
  return {
    predictNoise(x, count, timestep) {
      return tf.tidy(() => {
        const images = tf.tensor4d(x, [count, spec.size, spec.size, spec.inChannels]);
        const noise = unetForward(spec, runtime, images, tf.fill([count], timestep), null);
        // A copy: some engines hand out their own memory.
        return Float32Array.from(noise.dataSync<'float32'>());
      });
    },
    dispose() {
      tf.dispose([...runtime.values()]);
      runtime.clear();
    },
  };
}
