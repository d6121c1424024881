import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { runningMaximumRule, taylorImportance, type TaylorOptions } from '../../src/method/gradientImportance.js';
import {
  addTaylorScores,
  agreement,
  magnitudeImportance,
  randomImportance,
  type ImportanceScores,
  type ScoredWidth,
} from '../../src/method/importance.js';
import { prunableWidths } from '../../src/model/prunableWidths.js';
import type { Weights } from '../../src/model/weights.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import type { MicroBatch } from '../../src/training/trainStep.js';
import { innerRule, randomBatch, randomWeights, tinySpec } from './tinyModel.js';

/** y = V (W x) with two hidden channels, x = (1, 2), target -6, loss (y - target)^2; gradients by hand. */
const twoLayers = {
  widths: [
    {
      id: 'hidden',
      width: 2,
      members: [
        { tensor: 'W', axis: 0, offset: 0 },
        { tensor: 'V', axis: 1, offset: 0 },
      ],
    },
  ] satisfies ScoredWidth[],
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
  it('l2: squares summed over slices, mean over members, divided by the mean', () => {
    // channel 0: (1 + 1) and 4, mean 3; channel 1: (0.25 + 4) and 1, mean 2.625
    const [a, b] = magnitudeImportance(twoLayers.widths, twoLayers.weights, 'l2').get('hidden')!;
    expect(a).toBeCloseTo(3 / 2.8125, 12);
    expect(b).toBeCloseTo(2.625 / 2.8125, 12);
  });

  it('l1: absolute values in their place', () => {
    // channel 0: (1 + 1) and 2, mean 2; channel 1: (0.5 + 2) and 1, mean 1.75
    const [a, b] = magnitudeImportance(twoLayers.widths, twoLayers.weights, 'l1').get('hidden')!;
    expect(a).toBeCloseTo(2 / 1.875, 12);
    expect(b).toBeCloseTo(1.75 / 1.875, 12);
  });

  it('counts the part of a concatenation that the channels are in', () => {
    const concatenated = [
      {
        id: 'second',
        width: 2,
        members: [
          { tensor: 'W', axis: 1, offset: 1 },
          { tensor: 'W', axis: 1, offset: 3 },
        ],
      },
    ] satisfies ScoredWidth[];
    const weights = arrays({
      W: [
        [2, 5],
        [100, 1, 2, 3, 4, 200, 5, 6, 7, 8],
      ],
    });
    const scores = new Map([['second', new Float64Array(2)]]);
    addTaylorScores(scores, concatenated, weights, weights, 'absolute');
    // columns 1 and 3, columns 2 and 4, over both rows
    expect([...scores.get('second')!]).toEqual([1 + 25 + 9 + 49, 4 + 36 + 16 + 64]);
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
    expect([...magnitudeImportance(twoLayers.widths, zeros, 'l2').get('hidden')!]).toEqual([0, 0]);
  });

  it('Taylor: |w g| summed over rows of the first and columns of the second layer', () => {
    const scores = new Map([['hidden', new Float64Array(2)]]);
    addTaylorScores(scores, twoLayers.widths, twoLayers.weights, twoLayers.gradients, 'absolute');
    expect([...scores.get('hidden')!]).toEqual([2 + 4 + 2, 0.5 + 4 + 4.5]);
  });

  it('squared Taylor: (w g) squared summed over the same slices', () => {
    const scores = new Map([['hidden', new Float64Array(2)]]);
    addTaylorScores(scores, twoLayers.widths, twoLayers.weights, twoLayers.gradients, 'squared');
    expect([...scores.get('hidden')!]).toEqual([4 + 16 + 4, 0.25 + 16 + 20.25]);
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
    addTaylorScores(scores, twoLayers.widths, twoLayers.weights, twoLayers.gradients, 'absolute');
    addTaylorScores(scores, twoLayers.widths, twoLayers.weights, opposite, 'absolute');
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
  const widths = prunableWidths(spec, innerRule);
  const taylor = (batches: readonly MicroBatch[], rest: Partial<TaylorOptions> = {}) =>
    taylorImportance({
      spec,
      weights,
      widths,
      term: 'absolute',
      batch: (index) => batches[index],
      count: batches.length,
      ...rest,
    });
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
    expect([...perWidth.keys()]).toEqual(widths.map(({ id }) => id));
  });

  it('leaves no tensor behind, also when stopped', async () => {
    const before = tf.memory().numTensors;
    await taylor([randomBatch(spec, 5)]);
    const stop = taylor([randomBatch(spec, 5)], { signal: AbortSignal.abort() });
    await expect(stop).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(tf.memory().numTensors).toBe(before);
  });

  describe('with one norm group planted in each width whose channels reach almost nothing', () => {
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

    it.each(['absolute', 'squared'] as const)('Taylor (%s) finds all of them', async (term) => {
      const { scores } = await taylor([randomBatch(spec, 6), randomBatch(spec, 7)], { weights: weakened, term });
      expect(weakest(scores)).toEqual(planted);
    });

    it('Taylor over timesteps in order, up to a small loss, finds all of them', async () => {
      const batches = [0, 1, 2].map((timestep) => ({
        ...randomBatch(spec, 6),
        timesteps: Int32Array.of(timestep, timestep),
      }));
      const { scores } = await taylor(batches, { weights: weakened, enough: runningMaximumRule(0.05) });
      expect(weakest(scores)).toEqual(planted);
    });

    it.each(['l1', 'l2'] as const)('%s finds all of them', (norm) => {
      expect(weakest(magnitudeImportance(widths, weakened, norm))).toEqual(planted);
    });

    it('a random order does not', () => {
      expect(weakest(randomImportance(widths, 1))).not.toEqual(planted);
      expect(randomImportance(widths, 1)).toEqual(randomImportance(widths, 1));
      expect(randomImportance(widths, 2)).not.toEqual(randomImportance(widths, 1));
    });
  });

  describe('evidence that ends at a small loss', () => {
    /** The same batch with a target nearer to zero: a smaller loss. */
    const scaled = (by: number): MicroBatch => {
      const batch = randomBatch(spec, 8);
      return { ...batch, target: batch.target.map((value) => value * by) };
    };

    it('leaves out the batch below the threshold and all after it', async () => {
      const batches = [scaled(100), scaled(50), scaled(1), scaled(100)];
      const ended = await taylor(batches, { enough: runningMaximumRule(0.05) });
      expect(ended.batches).toBe(3);
      expect(flat(ended.scores)).toEqual(flat((await taylor(batches.slice(0, 2))).scores));
    });

    it('takes the largest loss so far as its measure', () => {
      const enough = runningMaximumRule(0.05);
      expect([1, 0.06, 10, 0.51, 0.49].map(enough)).toEqual([false, false, false, false, true]);
    });
  });
});
