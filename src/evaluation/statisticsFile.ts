import { encodeNpz } from '../formats/npz.js';
import type { Moments } from './gaussianStatistics.js';

/** Statistics as pytorch-fid saves them: an npz with `mu` and `sigma`, float64. */
export function encodeStatistics({ dimensions, mean, covariance }: Moments): Uint8Array {
  return encodeNpz({
    mu: { dtype: '<f8', shape: [dimensions], data: mean },
    sigma: { dtype: '<f8', shape: [dimensions, dimensions], data: covariance },
  });
}
