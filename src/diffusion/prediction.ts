import type { DiffusionConfig } from '../contract/config.js';

/**
 * What a network may predict of x_t = sqrt(alphaBar) x_0 + sqrt(1 - alphaBar) noise:
 *
 * - `epsilon`: the noise (DDPM, arXiv 2006.11239);
 * - `x0`: the image;
 * - `v`: sqrt(alphaBar) noise - sqrt(1 - alphaBar) x_0 (progressive distillation, arXiv 2202.00512).
 *
 * With x_t known, each one gives the two others: all are linear in x_t and the prediction.
 */
export type PredictionKind = DiffusionConfig['prediction'];

/** A quantity as `ofXt * x_t + ofPrediction * prediction`. */
export interface LinearForm {
  readonly ofXt: number;
  readonly ofPrediction: number;
}

const UNKNOWN: LinearForm = { ofXt: 0, ofPrediction: 0 };

/**
 * The image that a prediction implies.
 * @param alphaBar in [0, 1]; at 0 a noise prediction says nothing about the image, and the form is zero, the middle grey
 */
export function impliedImage(kind: PredictionKind, alphaBar: number): LinearForm {
  const signal = Math.sqrt(alphaBar);
  const noise = Math.sqrt(1 - alphaBar);
  switch (kind) {
    case 'epsilon':
      return alphaBar === 0 ? UNKNOWN : { ofXt: 1 / signal, ofPrediction: -noise / signal };
    case 'x0':
      return { ofXt: 0, ofPrediction: 1 };
    case 'v':
      return { ofXt: signal, ofPrediction: -noise };
  }
}

/**
 * The noise that a prediction implies.
 * @param alphaBar in [0, 1]; at 1 an image prediction says nothing about the noise, and the form is zero, its mean
 */
export function impliedNoise(kind: PredictionKind, alphaBar: number): LinearForm {
  const signal = Math.sqrt(alphaBar);
  const noise = Math.sqrt(1 - alphaBar);
  switch (kind) {
    case 'epsilon':
      return { ofXt: 0, ofPrediction: 1 };
    case 'x0':
      return alphaBar === 1 ? UNKNOWN : { ofXt: 1 / noise, ofPrediction: -signal / noise };
    case 'v':
      return { ofXt: noise, ofPrediction: signal };
  }
}

/**
 * What the network should predict for noised images.
 *
 * @param x0 (N, ...) images in [-1, 1]
 * @param noise the noise in them, same layout
 * @param alphaBar (N), one per image
 * @returns same layout; `noise` itself for `epsilon`, `x0` itself for `x0`
 */
export function predictionTarget(
  kind: PredictionKind,
  x0: Float32Array,
  noise: Float32Array,
  alphaBar: ArrayLike<number>,
): Float32Array {
  if (kind === 'epsilon') return noise;
  if (kind === 'x0') return x0;
  const pixels = x0.length / alphaBar.length;
  return x0.map((value, i) => {
    const kept = alphaBar[Math.floor(i / pixels)];
    return Math.sqrt(kept) * noise[i] - Math.sqrt(1 - kept) * value;
  });
}
