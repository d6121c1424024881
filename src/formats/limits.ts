/** Limits that every reader of a stranger's file shares. */

/** Above this, compressed content must look like data: photographs and weights never shrink twentyfold. */
const UNPACKED_FREELY = 2 ** 30;
const LIKELY_RATIO = 20;
/** What one reader holds in memory at most. */
export const MAX_CONTENT_BYTES = 2 ** 32 - 1;

/** Most bytes that `packedBytes` of compressed content are unpacked to; a decompression bomb asks for more. */
export function mostUnpackedBytes(packedBytes: number): number {
  return Math.min(MAX_CONTENT_BYTES, Math.max(UNPACKED_FREELY, LIKELY_RATIO * packedBytes));
}
