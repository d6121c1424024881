import { luma } from '../formats/pixels.js';
import { randomUniform } from '../tensor/random.js';

/** What the embedded set shows; the label of an image is the index of its kind. */
export const SHAPE_KINDS = ['circle', 'square', 'triangle', 'ring', 'cross', 'diamond'] as const;

/** Signed distance in pixels from a point to the edge of a shape of radius `r` around the origin; inside is negative. */
type SignedDistance = (x: number, y: number, r: number) => number;

const box = (x: number, y: number, halfWidth: number, halfHeight: number) =>
  Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight);

const SIN_60 = Math.sqrt(3) / 2;
/** Inner radius of the ring over its outer one. */
const RING_HOLE = 0.5;
/** Half-width of an arm of the cross over its length. */
const CROSS_ARM = 0.32;
/** Half-width of the diamond over its half-height: far enough from 1 never to look like a turned square. */
const DIAMOND_WIDTH = 0.55;

const DISTANCES: Record<(typeof SHAPE_KINDS)[number], SignedDistance> = {
  circle: (x, y, r) => Math.hypot(x, y) - r,
  square: (x, y, r) => box(x, y, r * Math.SQRT1_2, r * Math.SQRT1_2),
  triangle: (x, y, r) => Math.max(SIN_60 * Math.abs(x) + 0.5 * y, -y) - r / 2,
  ring: (x, y, r) => Math.abs(Math.hypot(x, y) - (r * (1 + RING_HOLE)) / 2) - (r * (1 - RING_HOLE)) / 2,
  cross: (x, y, r) => {
    const length = r / Math.hypot(1, CROSS_ARM);
    return Math.min(box(x, y, length, length * CROSS_ARM), box(x, y, length * CROSS_ARM, length));
  },
  diamond: (x, y, r) => (DIAMOND_WIDTH * Math.abs(y) + Math.abs(x) - DIAMOND_WIDTH * r) / Math.hypot(1, DIAMOND_WIDTH),
};

/** Smallest difference in luma between a shape and its background, of 1: seen in grey as well as in colour. */
const MIN_CONTRAST = 0.25;
const COLOUR_CANDIDATES = 6;
/** Uniform numbers per image: radius, x, y, angle, background and the candidates for the foreground. */
const DRAWS = 4 + 3 + 3 * COLOUR_CANDIDATES;
/** Radius over the side of the image. */
const MIN_RADIUS = 0.2;
const MAX_RADIUS = 0.42;

/** How far anti-aliasing reaches beyond the radius: half a pixel over the sine of half the sharpest corner, the diamond's. */
const MITRE = 1.1;

const lumaAt = (draws: Float32Array, at: number) => luma(draws[at], draws[at + 1], draws[at + 2]);

/** The first candidate that stands out from the background, else black or white, whichever stands out more. */
function foreground(draws: Float32Array, background: number): readonly number[] {
  const backgroundLuma = lumaAt(draws, background);
  for (let i = 0; i < COLOUR_CANDIDATES; i++) {
    const at = background + 3 * (i + 1);
    if (Math.abs(lumaAt(draws, at) - backgroundLuma) >= MIN_CONTRAST) return [draws[at], draws[at + 1], draws[at + 2]];
  }
  return backgroundLuma < 0.5 ? [1, 1, 1] : [0, 0, 0];
}

/** Label of image `index`: kinds take turns, so every part of the set is balanced. */
export const shapeLabel = (index: number) => index % SHAPE_KINDS.length;

/**
 * Draws one image of the embedded set into `pixels` at `offset`: one shape of random size, place, angle and colours on a plain
 * background, wholly inside the image. Coverage of a pixel is 0.5 - distance to the edge, limited to 0..1, which
 * anti-aliases the edge analytically. The image depends on (seed, index, size, channels) alone.
 */
export function drawShape(
  pixels: Uint8Array,
  offset: number,
  image: { readonly seed: number; readonly index: number; readonly size: number; readonly channels: 1 | 3 },
): void {
  const { seed, index, size, channels } = image;
  const draws = randomUniform({ seed, stream: 'shapes', index }, DRAWS);
  const radius = size * (MIN_RADIUS + (MAX_RADIUS - MIN_RADIUS) * draws[0]);
  const centreX = radius + (size - 2 * radius) * draws[1];
  const centreY = radius + (size - 2 * radius) * draws[2];
  const cos = Math.cos(2 * Math.PI * draws[3]);
  const sin = Math.sin(2 * Math.PI * draws[3]);
  const front = foreground(draws, 4);
  const back = [draws[4], draws[5], draws[6]];
  const from = channels === 3 ? back : [luma(back[0], back[1], back[2])];
  const to = channels === 3 ? front : [luma(front[0], front[1], front[2])];
  const distance = DISTANCES[SHAPE_KINDS[shapeLabel(index)]];
  const reach = radius + MITRE;
  for (let row = 0; row < size; row++) {
    const y = row + 0.5 - centreY;
    for (let column = 0; column < size; column++) {
      const x = column + 0.5 - centreX;
      const near = Math.abs(x) < reach && Math.abs(y) < reach;
      const edge = near ? distance(cos * x + sin * y, cos * y - sin * x, radius) : reach;
      const coverage = Math.min(1, Math.max(0, 0.5 - edge));
      const at = offset + (row * size + column) * channels;
      for (let channel = 0; channel < channels; channel++) {
        pixels[at + channel] = Math.round(255 * (from[channel] + coverage * (to[channel] - from[channel])));
      }
    }
  }
}
