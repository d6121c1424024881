import { describe, expect, it } from 'vitest';
import { emaDecayAt } from '../../src/training/ema.js';
import { learningRateAt } from '../../src/training/learningRate.js';

describe('learningRateAt', () => {
  it('grows linearly from a positive rate at update 1 to the full rate at the last update of warm-up', () => {
    const course = { learningRate: 8, warmup: 4, learningRateDecay: 'none', steps: 10 } as const;
    expect([1, 2, 3, 4, 5].map((update) => learningRateAt(update, course))).toEqual([2, 4, 6, 8, 8]);
  });

  it('follows min(step, 5000) / 5000 of the published recipe', () => {
    const course = { learningRate: 2e-4, warmup: 5000, learningRateDecay: 'none', steps: 800_000 } as const;
    expect(learningRateAt(1250, course)).toBeCloseTo(5e-5, 15);
    expect(learningRateAt(800_000, course)).toBe(2e-4);
  });

  it('is constant without warm-up', () => {
    expect(learningRateAt(1, { learningRate: 3e-4, warmup: 0, learningRateDecay: 'none', steps: 10 })).toBe(3e-4);
  });

  it('falls along half a cosine from the end of warm-up towards zero, and the last update still trains', () => {
    const course = { learningRate: 8, warmup: 2, learningRateDecay: 'cosine', steps: 7 } as const;
    // (1 + cos(pi k / 6)) / 2 for k = 0 to 5, times 8
    const falling = [8, 7.464101615, 6, 4, 2, 0.535898385];
    [4, ...falling].forEach((rate, index) => expect(learningRateAt(index + 1, course)).toBeCloseTo(rate, 8));
  });

  it('falls from the first update where there is no warm-up, and a training of one update has its rate', () => {
    const course = { learningRate: 1, warmup: 0, learningRateDecay: 'cosine' } as const;
    expect(learningRateAt(1, { ...course, steps: 3 })).toBe(1);
    expect(learningRateAt(2, { ...course, steps: 3 })).toBeCloseTo(0.75, 12);
    expect(learningRateAt(1, { ...course, steps: 1 })).toBe(1);
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
