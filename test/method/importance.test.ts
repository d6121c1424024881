import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  addTaylorScores,
  agreement,
  magnitudeImportance,
  magnitudeScores,
  taylorImportance,
  type ImportanceScores,
} from '../../src/method/importance.js';
import { prunableWidths } from '../../src/model/prunableWidths.js';
import type { Weights } from '../../src/model/weights.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomPermutation } from '../../src/tensor/random.js';
import type { MicroBatch } from '../../src/training/trainStep.js';
import { randomBatch, randomWeights, tinySpec } from './tinyModel.js';

/** y = V (W x) with two hidden channels, x = (1, 2), target -6, loss (y - target)^2; gradients by hand. */
const twoLayers = {
  widths: [
    {
      id: 'hidden',
      width: 2,
      members: [
        { tensor: 'W', axis: 0 },
        { tensor: 'V', axis: 1 },
      ],
    },
  ],
  weights: arrays({
    W: [
      [2, 2],
      [1, -1, 0.5, 2],
    ],
    V: [
      [1, 2],
      [2, -1],
    ],
  }),
  gradients: arrays({
    W: [
      [2, 2],
      [-2, -4, 1, 2],
    ],
    V: [
      [1, 2],
      [1, -4.5],
    ],
  }),
};

function arrays(values: Record<string, [number[], number[]]>): Weights {
  return new Map(
    Object.entries(values).map(([name, [shape, data]]) => [name, { shape, data: new Float32Array(data) }]),
  );
}

describe('scores of a two-layer network, by hand', () => {
  it('magnitude: squares summed over slices, mean over members, divided by the mean', () => {
    // channel 0: (1 + 1) and 4, mean 3; channel 1: (0.25 + 4) and 1, mean 2.625
    const [a, b] = magnitudeScores(twoLayers.widths, twoLayers.weights).get('hidden')!;
    expect(a).toBeCloseTo(3 / 2.8125, 12);
    expect(b).toBeCloseTo(2.625 / 2.8125, 12);
  });

  it('magnitude: a width of zeros stays finite', () => {
    const zeros = arrays({
      W: [
        [2, 2],
        [0, 0, 0, 0],
      ],
      V: [
        [1, 2],
        [0, 0],
      ],
    });
    expect([...magnitudeScores(twoLayers.widths, zeros).get('hidden')!]).toEqual([0, 0]);
  });

  it('Taylor: |w g| summed over rows of the first and columns of the second layer', () => {
    const scores = new Map([['hidden', new Float64Array(2)]]);
    addTaylorScores(scores, twoLayers.widths, twoLayers.weights, twoLayers.gradients);
    expect([...scores.get('hidden')!]).toEqual([2 + 4 + 2, 0.5 + 4 + 4.5]);
  });

  it('Taylor: opposite gradients of two batches do not cancel', () => {
    const opposite = arrays({
      W: [
        [2, 2],
        [2, 4, -1, -2],
      ],
      V: [
        [1, 2],
        [-1, 4.5],
      ],
    });
    const scores = new Map([['hidden', new Float64Array(2)]]);
    addTaylorScores(scores, twoLayers.widths, twoLayers.weights, twoLayers.gradients);
    addTaylorScores(scores, twoLayers.widths, twoLayers.weights, opposite);
    expect([...scores.get('hidden')!]).toEqual([16, 18]);
  });
});

describe('agreement', () => {
  it('ranks over all widths together and in each', () => {
    const even = new Map([
      ['a', Float64Array.of(1, 2)],
      ['b', Float64Array.of(3, 4)],
    ]);
    const odd = new Map([
      ['a', Float64Array.of(2, 1)],
      ['b', Float64Array.of(3, 4)],
    ]);
    const { overall, perWidth } = agreement(even, odd);
    expect(overall).toBeCloseTo(0.8, 12); // 1 - 6 * 2 / (4 * 15)
    expect(perWidth).toEqual(
      new Map([
        ['a', -1],
        ['b', 1],
      ]),
    );
  });
});

describe('importance of a network', () => {
  const spec = tinySpec();
  const weights = randomWeights(spec, 1);
  const taylor = (batches: readonly MicroBatch[], of: Weights = weights) =>
    taylorImportance({ spec, weights: of, batch: (index) => batches[index], count: batches.length });
  const flat = (scores: ImportanceScores) => [...scores.values()].flatMap((values) => [...values]);

  beforeAll(async () => {
    await openEngine('wasm');
  });

  it('does not depend on the order of the batches, nor on repeating them', async () => {
    const [a, b] = [randomBatch(spec, 3), randomBatch(spec, 4)];
    const forward = flat((await taylor([a, b])).scores);
    const backward = flat((await taylor([b, a])).scores);
    const twice = flat((await taylor([a, a, b, b])).scores);
    expect(forward.every((score) => score > 0)).toBe(true);
    forward.forEach((score, i) => {
      expect(Math.abs(backward[i] - score)).toBeLessThan(1e-9);
      expect(Math.abs(twice[i] - score)).toBeLessThan(1e-9);
    });
  });

  it('never grows when batches are joined, and shrinks somewhere: the product is per batch', async () => {
    const [a, b] = [randomBatch(spec, 3, 1), randomBatch(spec, 4, 1)];
    const joined: MicroBatch = {
      count: 2,
      xt: Float32Array.of(...a.xt, ...b.xt),
      target: Float32Array.of(...a.target, ...b.target),
      timesteps: Int32Array.of(...a.timesteps, ...b.timesteps),
      weights: Float32Array.of(1, 1),
    };
    const apart = flat((await taylor([a, b])).scores);
    const together = flat((await taylor([joined])).scores);
    apart.forEach((score, i) => expect(together[i]).toBeLessThan(score * (1 + 1e-4)));
    expect(apart.some((score, i) => together[i] < 0.9 * score)).toBe(true);
  });

  it('says how well the two halves of the evidence agree', async () => {
    const [a, b] = [randomBatch(spec, 3), randomBatch(spec, 4)];
    expect((await taylor([a, a])).confidence.overall).toBeCloseTo(1, 12);
    expect((await taylor([a])).confidence.overall).toBeNull();
    const { overall, perWidth } = (await taylor([a, b])).confidence;
    expect(overall).toBeGreaterThan(-1);
    expect(overall).toBeLessThan(1);
    expect([...perWidth.keys()]).toEqual(prunableWidths(spec).map(({ id }) => id));
  });

  it('leaves no tensor behind, also when stopped', async () => {
    const before = tf.memory().numTensors;
    await taylor([randomBatch(spec, 5)]);
    const stop = taylorImportance({
      spec,
      weights,
      batch: () => randomBatch(spec, 5),
      count: 1,
      signal: AbortSignal.abort(),
    });
    await expect(stop).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(tf.memory().numTensors).toBe(before);
  });

  describe('with one norm group planted in each width whose channels reach almost nothing', () => {
    const widths = prunableWidths(spec);
    const planted = new Map(widths.map(({ id }, index) => [id, index % 4]));
    const weakened = new Map(weights);
    for (const { id, unit, members } of widths) {
      for (const { tensor, axis } of members) {
        const { shape, data } = weakened.get(tensor)!;
        const stride = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
        // Almost nothing leaves the channels; their norm still brings what enters them to full strength.
        const scale = tensor.endsWith('conv2.weight') ? 1e-3 : tensor.includes('norm2') ? 1 : 0.2;
        const group = (index: number) => Math.floor((Math.floor(index / stride) % shape[axis]) / unit);
        weakened.set(tensor, { shape, data: data.map((w, i) => (group(i) === planted.get(id) ? w * scale : w)) });
      }
    }
    const weakest = (scores: ImportanceScores) =>
      new Map(
        widths.map(({ id, unit }) => {
          const sums = [0, 1, 2, 3].map((g) =>
            scores
              .get(id)!
              .subarray(g * unit, (g + 1) * unit)
              .reduce((sum, score) => sum + score, 0),
          );
          return [id, sums.indexOf(Math.min(...sums))];
        }),
      );

    it('Taylor finds all of them', async () => {
      const { scores } = await taylor([randomBatch(spec, 6), randomBatch(spec, 7)], weakened);
      expect(weakest(scores)).toEqual(planted);
    });

    it('magnitude finds all of them', () => {
      expect(weakest(magnitudeImportance(spec, weakened))).toEqual(planted);
    });

    it('a random order does not', () => {
      const random = new Map(
        widths.map(({ id, width }, index) => [
          id,
          Float64Array.from(randomPermutation({ seed: 1, stream: 'test.order', index }, width)),
        ]),
      );
      expect(weakest(random)).not.toEqual(planted);
    });
  });
});
