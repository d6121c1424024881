import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openEngine } from '../../src/tensor/openEngine.js';
import { adamUpdate, type AdamSlots } from '../../src/training/adam.js';

beforeAll(async () => {
  await openEngine('wasm');
});

/** Gradients of very different sizes, and zeros, by formula. */
const gradientAt = (update: number, i: number) => (i % 7 === 0 ? 0 : Math.sin(3.1 * update + i) * 10 ** (-(i % 5) * 2));

/** Adam and EMA as published, in float64. */
function reference(count: number, settings: readonly { rate: number; decay: number; scale: number }[]) {
  return Array.from({ length: count }, (_, i) => {
    let [w, e, m, v] = [Math.cos(i), Math.cos(i), 0, 0];
    settings.forEach(({ rate, decay, scale }, index) => {
      const g = scale * gradientAt(index + 1, i);
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      const mHat = m / (1 - 0.9 ** (index + 1));
      const vHat = v / (1 - 0.999 ** (index + 1));
      w -= (rate * mHat) / (Math.sqrt(vHat) + 1e-8);
      e = decay * e + (1 - decay) * w;
    });
    return { w, e, m, v };
  });
}

describe('adamUpdate', () => {
  it('agrees with the published formulas in float64 over five updates', () => {
    const settings = [1, 2, 3, 4, 5].map((n) => ({ rate: 0.01 * n, decay: n / (n + 9), scale: n % 2 ? 1 : 0.25 }));
    const count = 50;
    const start = Float32Array.from({ length: count }, (_, i) => Math.cos(i));
    let slots: AdamSlots = {
      weights: tf.tensor1d(start),
      ema: tf.tensor1d(start),
      firstMoment: tf.zeros([count]),
      secondMoment: tf.zeros([count]),
    };
    settings.forEach(({ rate, decay, scale }, index) => {
      const gradient = tf.tensor1d(Float32Array.from({ length: count }, (_, i) => gradientAt(index + 1, i)));
      const numbers = { update: index + 1, learningRate: rate, emaDecay: decay, gradientScale: scale };
      [slots] = adamUpdate([slots], [gradient], numbers);
    });
    const expected = reference(count, settings);
    const [weights, ema, first, second] = [slots.weights, slots.ema, slots.firstMoment, slots.secondMoment].map(
      (tensor) => tensor.dataSync(),
    );
    expected.forEach(({ w, e, m, v }, i) => {
      expect(weights[i]).toBeCloseTo(w, 6);
      expect(ema[i]).toBeCloseTo(e, 6);
      expect(Math.abs(first[i] - m)).toBeLessThanOrEqual(1e-6 * Math.abs(m) + 1e-9);
      expect(Math.abs(second[i] - v)).toBeLessThanOrEqual(1e-5 * v);
    });
  });

  it('keeps the average of constant weights where they are, at decays near one too', () => {
    const weights = Float32Array.of(1, -3, 1e-3);
    let slots: AdamSlots = {
      weights: tf.tensor1d(weights),
      ema: tf.tensor1d(weights),
      firstMoment: tf.zeros([3]),
      secondMoment: tf.zeros([3]),
    };
    for (let update = 1; update <= 200; update++) {
      const numbers = { update, learningRate: 1, emaDecay: 0.9999, gradientScale: 1 };
      [slots] = adamUpdate([slots], [tf.zeros([3])], numbers);
    }
    expect([...slots.ema.dataSync()]).toEqual([...weights]);
  });

  it('exchanges the slots and takes the gradients, and leaves nothing else behind', () => {
    const slots = [0, 1].map(() => ({
      weights: tf.ones<tf.Rank.R1>([3]),
      ema: tf.ones<tf.Rank.R1>([3]),
      firstMoment: tf.zeros<tf.Rank.R1>([3]),
      secondMoment: tf.zeros<tf.Rank.R1>([3]),
    }));
    const gradients = [tf.ones<tf.Rank.R1>([3]), tf.ones<tf.Rank.R1>([3])];
    const before = tf.memory().numTensors;
    adamUpdate(slots, gradients, { update: 1, learningRate: 1, emaDecay: 0.9, gradientScale: 1 });
    expect(tf.memory().numTensors).toBe(before - 2);
  });
});
