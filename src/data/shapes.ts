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

// What follows keeps the set so simple that a network of minutes learns it: large shapes, nearly upright, darker than their ground.

/** Smallest channel of a background, of 1. */
const PALEST = 0.8;
/** How much darker than its background a shape is at least, in luma of 1: seen in grey as well as in colour. */
const MIN_CONTRAST = 0.35;
const COLOUR_CANDIDATES = 6;
/** Uniform numbers per image: radius, x, y, angle, background and the candidates for the foreground. */
const DRAWS = 4 + 3 + 3 * COLOUR_CANDIDATES;
/** Radius over the side of the image. */
const MIN_RADIUS = 0.36;
const MAX_RADIUS = 0.46;
/** Largest turn either way, radians. */
const MAX_TURN = Math.PI / 12;

/** How far anti-aliasing reaches beyond the radius: half a pixel over the sine of half the sharpest corner, the diamond's. */
const MITRE = 1.1;

/** The first candidate that is dark enough, else black. */
function foreground(candidates: Float32Array, backgroundLuma: number): readonly number[] {
  for (let at = 0; at < candidates.length; at += 3) {
    const [red, green, blue] = candidates.subarray(at, at + 3);
    if (luma(red, green, blue) <= backgroundLuma - MIN_CONTRAST) return [red, green, blue];
  }
  return [0, 0, 0];
}

/** Label of image `index`: kinds take turns, so every part of the set is balanced. */
export const shapeLabel = (index: number) => index % SHAPE_KINDS.length;

/**
 * Draws one image of the embedded set into `pixels` at `offset`: one dark shape of random size, place, angle and colour on a plain
 * pale background, wholly inside the image. Coverage of a pixel is 0.5 - distance to the edge, limited to 0..1, which
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
  const cos = Math.cos(MAX_TURN * (2 * draws[3] - 1));
  const sin = Math.sin(MAX_TURN * (2 * draws[3] - 1));
  const back = Array.from(draws.subarray(4, 7), (draw) => PALEST + (1 - PALEST) * draw);
  const backgroundLuma = luma(back[0], back[1], back[2]);
  const front = foreground(draws.subarray(7), backgroundLuma);
  const from = channels === 3 ? back : [backgroundLuma];
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
