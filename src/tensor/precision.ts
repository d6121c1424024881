import type { Precision } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import { inBfloat16 } from './graph/bfloat16.js';
import { nativeBackend } from './graph/nativeBackend.js';

/**
 * Refuses what the open engine cannot compute in.
 * @throws input error `PRECISION_UNAVAILABLE` for bfloat16 on another engine than the native one
 */
export function requirePrecision(precision: Precision): void {
  if (precision === 'float32' || nativeBackend() !== null) return;
  throw inputError(
    'PRECISION_UNAVAILABLE',
    'the portable engine computes in float32 alone, and the experiment asks for bfloat16 (precision)',
    'set precision to "float32", or run `npm run setup` to install the native engine',
  );
}

/**
 * Runs `compute` with convolutions and matrix products in `precision`; everything else, and every tensor, is float32.
 * @throws input error `PRECISION_UNAVAILABLE` as `requirePrecision`
 */
export function computeIn<T>(precision: Precision, compute: () => T): T {
  requirePrecision(precision);
  return precision === 'float32' ? compute() : inBfloat16(nativeBackend()!, compute);
}
