/**
 * Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): four
 * 32-bit words are a pure function of a 128-bit counter and a 64-bit key, so any part of a sequence can be made on its own.
 */

export type PhiloxKey = readonly [low: number, high: number];
/** The first word counts blocks of four words. */
export type PhiloxCounter = readonly [block: number, number, number, number];

const rounds = 10;
const keyStep0 = 0x9e3779b9;
const keyStep1 = 0xbb67ae85;
const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;

/**
 * Fills `words` with consecutive blocks, the first at `counter`.
 *
 * @param words whose length is a multiple of 4
 */
export function fillPhilox(words: Uint32Array, key: PhiloxKey, counter: PhiloxCounter): void {
  for (let offset = 0; offset < words.length; offset += 4) {
    let c0 = counter[0] + (offset >>> 2);
    let c1 = counter[1] | 0;
    let c2 = counter[2] | 0;
    let c3 = counter[3] | 0;
    let k0 = key[0] | 0;
    let k1 = key[1] | 0;
    for (let round = 0; round < rounds; round += 1) {
      const high0 = multiplyHigh(c0, multiplier0 & 0xffff, multiplier0 >>> 16);
      const high1 = multiplyHigh(c2, multiplier1 & 0xffff, multiplier1 >>> 16);
      const low0 = Math.imul(c0, multiplier0);
      const low1 = Math.imul(c2, multiplier1);
      c0 = high1 ^ c1 ^ k0;
      c2 = high0 ^ c3 ^ k1;
      c1 = low1;
      c3 = low0;
      k0 = (k0 + keyStep0) | 0;
      k1 = (k1 + keyStep1) | 0;
    }
    words[offset] = c0;
    words[offset + 1] = c1;
    words[offset + 2] = c2;
    words[offset + 3] = c3;
  }
}

/** Upper 32 bits of the 64-bit product of `a` and `bHigh·2^16 + bLow`, from 16-bit halves whose products fit 32 bits. */
function multiplyHigh(a: number, bLow: number, bHigh: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}
