import { describe, expect, it } from 'vitest';
import { emaDecayAt } from '../../src/training/ema.js';
import { learningRateAt } from '../../src/training/learningRate.js';

describe('learningRateAt', () => {
  it('grows linearly from a positive rate at update 1 to the full rate at the last update of warm-up', () => {
    expect([1, 2, 3, 4, 5].map((update) => learningRateAt(update, 8, 4))).toEqual([2, 4, 6, 8, 8]);
  });

  it('follows min(step, 5000) / 5000 of the published recipe', () => {
    expect(learningRateAt(1250, 2e-4, 5000)).toBeCloseTo(5e-5, 15);
    expect(learningRateAt(800_000, 2e-4, 5000)).toBe(2e-4);
  });

  it('is constant without warm-up', () => {
    expect(learningRateAt(1, 3e-4, 0)).toBe(3e-4);
  });
});

describe('emaDecayAt', () => {
  it('is (1 + n) / (10 + n) until the configured decay is reached', () => {
    const settings = { decay: 0.9, warmup: true };
    expect(emaDecayAt(1, settings)).toBeCloseTo(2 / 11, 15);
    expect(emaDecayAt(79, settings)).toBeCloseTo(80 / 89, 15);
    expect(emaDecayAt(80, settings)).toBeCloseTo(0.9, 15);
    expect(emaDecayAt(1000, settings)).toBe(0.9);
  });

  it('is fixed without warm-up', () => {
    expect(emaDecayAt(1, { decay: 0.9999, warmup: false })).toBe(0.9999);
  });
});
