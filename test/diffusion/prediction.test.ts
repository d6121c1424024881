import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseSchema, configSchema } from '../../src/contract/config.js';
import { lossWeight, type LossWeightConfig } from '../../src/diffusion/lossWeight.js';
import { trainingObjective } from '../../src/diffusion/objective.js';
import { impliedImage, impliedNoise, predictionTarget } from '../../src/diffusion/prediction.js';

const kinds = ['epsilon', 'x0', 'v'] as const;
const close = (value: number, expected: number) => Math.abs(value - expected) < 1e-5 * (1 + Math.abs(expected));

describe('predictions', () => {
  it.each(kinds)('%s gives image and noise back exactly', (kind) => {
    const pixel = fc.double({ min: -4, max: 4, noNaN: true });
    fc.assert(
      fc.property(pixel, pixel, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (x0, noise, alphaBar) => {
        const xt = Math.sqrt(alphaBar) * x0 + Math.sqrt(1 - alphaBar) * noise;
        const [target] = predictionTarget(kind, Float32Array.of(x0), Float32Array.of(noise), [alphaBar]);
        const of = ({ ofXt, ofPrediction }: { ofXt: number; ofPrediction: number }) =>
          ofXt * xt + ofPrediction * target;
        expect(close(of(impliedImage(kind, alphaBar)), x0)).toBe(true);
        expect(close(of(impliedNoise(kind, alphaBar)), noise)).toBe(true);
      }),
      { seed: 1 },
    );
  });

  it('v at alphaBar 0.36 is 0.6 noise - 0.8 image', () => {
    const v = predictionTarget('v', Float32Array.of(0.5, 1), Float32Array.of(-1, 2), [0.36, 0.64]);
    expect(v[0]).toBeCloseTo(-0.6 - 0.4, 6);
    expect(v[1]).toBeCloseTo(0.8 * 2 - 0.6, 6);
  });

  it('have no infinite forms at the ends', () => {
    // Without signal v is minus the image, and x_t is the noise; without noise x_t is the image.
    expect(impliedImage('v', 0)).toEqual({ ofXt: 0, ofPrediction: -1 });
    expect(impliedNoise('v', 0)).toEqual({ ofXt: 1, ofPrediction: 0 });
    expect(impliedImage('v', 1).ofXt).toBe(1);
    expect(impliedNoise('v', 1)).toEqual({ ofXt: 0, ofPrediction: 1 });
    expect(impliedImage('epsilon', 0)).toEqual({ ofXt: 0, ofPrediction: 0 });
    expect(impliedNoise('x0', 1)).toEqual({ ofXt: 0, ofPrediction: 0 });
    expect(impliedNoise('x0', 0)).toMatchObject({ ofXt: 1 });
  });
});

describe('lossWeight', () => {
  const config = (rest: Partial<LossWeightConfig>): LossWeightConfig => baseSchema.parse(rest);

  // By hand: SNR = alphaBar / (1 - alphaBar); alphaBar 0.5, 0.8, 10/11 are SNR 1, 4, 10.
  it.each([
    ['min-snr', 'epsilon', [1, 1, 0.5]],
    ['min-snr', 'x0', [1, 4, 5]],
    ['min-snr', 'v', [1 / 2, 4 / 5, 5 / 11]],
    ['p2', 'epsilon', [1 / 2, 1 / 5, 1 / 11]],
    ['p2', 'x0', [1 / 2, 4 / 5, 10 / 11]],
    ['p2', 'v', [1 / 4, 4 / 25, 10 / 121]],
    ['simple', 'epsilon', [1, 1, 1]],
    ['simple', 'v', [1, 1, 1]],
  ] as const)('%s of %s at SNR 1, 4 and 10', (name, kind, expected) => {
    [0.5, 0.8, 10 / 11].forEach((alphaBar, i) =>
      expect(lossWeight(config({ lossWeight: name }), kind, alphaBar)).toBeCloseTo(expected[i], 12),
    );
  });

  it('follows its parameters', () => {
    expect(lossWeight(config({ lossWeight: 'min-snr', minSnrGamma: 2 }), 'epsilon', 0.8)).toBeCloseTo(0.5, 12);
    expect(lossWeight(config({ lossWeight: 'p2', p2K: 5, p2Gamma: 0.5 }), 'epsilon', 0.8)).toBeCloseTo(1 / 3, 12);
  });

  it.each(['min-snr', 'p2'] as const)('%s weights the same error of the image alike, whatever is predicted', (name) => {
    for (const alphaBar of [0.02, 0.3, 0.9, 0.999]) {
      const errors = kinds.map(
        (kind) =>
          lossWeight(config({ lossWeight: name }), kind, alphaBar) / impliedImage(kind, alphaBar).ofPrediction ** 2,
      );
      errors.forEach((error) => expect(error / errors[0]).toBeCloseTo(1, 10));
    }
  });

  it('is one where nothing of the image is left', () => {
    for (const kind of kinds) expect(lossWeight(config({ lossWeight: 'min-snr' }), kind, 0)).toBe(1);
  });
});

describe('trainingObjective', () => {
  const objective = (diffusion: object) => trainingObjective(configSchema.parse({ diffusion }));

  it('refuses to predict the noise from noise alone', () => {
    expect(() => objective({ zeroTerminalSnr: true })).toThrow(
      expect.objectContaining({ kind: 'input', code: 'NOTHING_TO_PREDICT' }),
    );
    expect(objective({ zeroTerminalSnr: true, prediction: 'v' }).schedule.alphaBar[999]).toBe(0);
  });
});
