import type { BaseConfig } from '../contract/config.js';
import type { PredictionKind } from './prediction.js';

/** The settings that decide a timestep's weight in the loss. */
export type LossWeightConfig = Pick<BaseConfig, 'lossWeight' | 'minSnrGamma' | 'p2K' | 'p2Gamma'>;

/**
 * Weight of the mean squared error of a prediction, in the space of what is predicted. SNR = alphaBar / (1 - alphaBar).
 *
 * | | epsilon | x0 | v |
 * | --- | --- | --- | --- |
 * | `simple` (arXiv 2006.11239, eq. 14) | 1 | 1 | 1 |
 * | `min-snr` (arXiv 2303.09556) | min(SNR, g) / SNR | min(SNR, g) | min(SNR, g) / (SNR + 1) |
 * | `p2` (arXiv 2204.00227) | 1 / (k + SNR)^g | SNR / (k + SNR)^g | SNR / ((SNR + 1) (k + SNR)^g) |
 *
 * Within `min-snr` and within `p2` the three columns weight the same error of the image alike, since an error of the image is
 * sqrt(SNR) times as large in noise and sqrt(SNR + 1) times as large in velocity.
 *
 * @param alphaBar in [0, 1). At 0, where the formulas give an x0 or v prediction no weight at all, the weight is one: a
 *   sampler starts there, and would call the network where it was never trained
 */
export function lossWeight(config: LossWeightConfig, prediction: PredictionKind, alphaBar: number): number {
  if (config.lossWeight === 'simple') return 1;
  if (alphaBar === 0) return 1;
  const snr = alphaBar / (1 - alphaBar);
  const ofImageError =
    config.lossWeight === 'min-snr' ? Math.min(snr, config.minSnrGamma) : snr / (config.p2K + snr) ** config.p2Gamma;
  switch (prediction) {
    case 'epsilon':
      return ofImageError / snr;
    case 'x0':
      return ofImageError;
    case 'v':
      return ofImageError / (snr + 1);
  }
}
