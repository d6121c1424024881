/** A tiny network's updates, for comparing ways of computing them. */
import type { Weights } from '../../src/model/weights.js';
import { randomNormal } from '../../src/tensor/random.js';
import type { MicroBatch, UpdateSettings } from '../../src/training/trainStep.js';

const SIZE = 8;
const CHANNELS = 3;
const PIXELS = SIZE * SIZE * CHANNELS;

/** A network of two levels with attention in both ways of use. */
export const model = {
  channels: 8,
  multipliers: [1, 2],
  blocks: 1,
  attention: [4],
  attentionHeads: 2,
  dropout: 0,
  normGroups: 4,
  scaleShiftNorm: false,
};
export const image = { size: SIZE, channels: CHANNELS };

/**
 * A micro-batch of random images.
 * @param bound with the terms of a learned variance: mostly inside the chain, one image at its end
 */
export function batch(update: number, count: number, bound = false): MicroBatch {
  const normal = (stream: string) => randomNormal({ seed: count, stream, index: update }, count * PIXELS);
  return {
    count,
    xt: normal('xt'),
    target: normal('target'),
    timesteps: Int32Array.from({ length: count }, (_, i) => (97 * i + 131 * update) % 1000),
    weights: Float32Array.from({ length: count }, (_, i) => 1 + 0.1 * i),
    ...(bound && {
      bound: Float32Array.from({ length: count * 7 }, (_, i) => [0.9, 0.1, 0.1, -5, -4, i < 7 ? 1 : 0, 1][i % 7]),
    }),
  };
}

export function settings(update: number): UpdateSettings {
  return {
    update,
    learningRate: 1e-3,
    emaDecay: 0.9,
    clip: 1,
    dropoutKey: { seed: 3, stream: 'compiled' },
  };
}

/** Distance of two sets of tensors, relative to the size of the second. */
export function relativeDistance(actual: Weights, expected: Weights): number {
  let difference = 0;
  let size = 0;
  for (const [name, { data }] of expected) {
    const other = actual.get(name)!.data;
    data.forEach((value, i) => {
      difference += (value - other[i]) ** 2;
      size += value ** 2;
    });
  }
  return Math.sqrt(difference / size);
}
