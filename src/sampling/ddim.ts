import { addNoise, predictedImages, type ReverseStep } from './reverseStep.js';

/**
 * Standard deviation of the noise of a DDIM step: `eta` times that of the ancestral step (arXiv 2010.02502, eq. 16).
 * @param eta in [0, 1]; 0 = deterministic
 */
export function ddimDeviation(alphaBar: number, alphaBarNext: number, eta: number): number {
  return eta * Math.sqrt(((1 - alphaBarNext) / (1 - alphaBar)) * (1 - alphaBar / alphaBarNext));
}

/**
 * One DDIM step (arXiv 2010.02502, eq. 12).
 *
 * When the predicted image is clipped, the noise is derived again from the clipped image, as guided-diffusion does (diffusers:
 * `use_clipped_model_output=True`): the pair still explains x_t, so a step between two equal timesteps changes nothing.
 *
 * @returns images at the next timestep, same layout as `step.x`
 */
export function ddimStep(step: ReverseStep & { readonly deviation: number }): Float32Array {
  const { x, alphaBar, alphaBarNext, deviation } = step;
  const signalScale = Math.sqrt(alphaBar);
  const noiseScale = Math.sqrt(1 - alphaBar);
  const nextSignalScale = Math.sqrt(alphaBarNext);
  // Rounding may make this difference a tiny negative number.
  const nextNoiseScale = Math.sqrt(Math.max(0, 1 - alphaBarNext - deviation ** 2));
  const images = predictedImages(step);
  for (let i = 0; i < images.length; i++) {
    const explained = (x[i] - signalScale * images[i]) / noiseScale;
    images[i] = nextSignalScale * images[i] + nextNoiseScale * explained;
  }
  addNoise(images, step);
  return new Float32Array(images);
}
