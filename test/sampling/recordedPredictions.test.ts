import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { samplingSchema } from '../../src/contract/config.js';
import { noiseSchedule } from '../../src/diffusion/noiseSchedule.js';
import { impliedImage, impliedNoise, type LinearForm, type PredictionKind } from '../../src/diffusion/prediction.js';
import { ddimDeviation, ddimStep } from '../../src/sampling/ddim.js';
import { ddpmDeviation, ddpmStep, learnedDeviation } from '../../src/sampling/ddpm.js';
import type { Denoiser } from '../../src/sampling/denoiser.js';
import { sampleImages } from '../../src/sampling/sampleImages.js';

interface RecordedStep {
  method: 'ddim' | 'ddpm';
  prediction: PredictionKind;
  timestep: number;
  clip: boolean;
  eta?: number;
  zeroTerminalSnr?: boolean;
  result: number[];
}
/** Recorded from diffusers by `python test/golden/make_schedules.py`. */
const recorded = JSON.parse(readFileSync(new URL('../golden/schedules.json', import.meta.url), 'utf8')) as {
  x: number[];
  output: number[];
  position: number[];
  fresh: number[];
  cases: RecordedStep[];
};

const schedules = [false, true].map((zeroTerminalSnr) =>
  noiseSchedule({ schedule: 'linear', timesteps: 1000, zeroTerminalSnr }),
);
const combine = ({ ofXt, ofPrediction }: LinearForm, x: Float32Array, prediction: Float32Array) =>
  x.map((value, i) => ofXt * value + ofPrediction * prediction[i]);

describe('steps from predictions of image, noise and velocity, recorded from diffusers', () => {
  it.each(recorded.cases)('$method, $prediction, $timestep, clip $clip, eta $eta, $zeroTerminalSnr', (step) => {
    const { alphaBar } = schedules[step.zeroTerminalSnr ? 1 : 0];
    const now = alphaBar[step.timestep];
    const next = step.timestep === 0 ? 1 : alphaBar[step.timestep - 100];
    const [x, output, fresh] = [recorded.x, recorded.output, recorded.fresh].map((values) => Float32Array.from(values));
    const given = {
      x,
      noise: combine(impliedNoise(step.prediction, now), x, output),
      image: now === 0 ? combine(impliedImage(step.prediction, now), x, output) : undefined,
      alphaBar: now,
      alphaBarNext: next,
      clip: step.clip,
    };
    let found: Float32Array;
    if (step.method === 'ddim') {
      const deviation = ddimDeviation(now, next, step.eta!);
      found = ddimStep({ ...given, deviation, fresh: deviation === 0 ? null : fresh });
    } else {
      const fraction = Float32Array.from(recorded.position, (value) => (value + 1) / 2);
      const deviation = step.zeroTerminalSnr
        ? ddpmDeviation(now, next, 'large')
        : learnedDeviation(now, next, fraction);
      found = ddpmStep({ ...given, deviation, fresh: deviation === 0 ? null : fresh });
    }
    // At t = 900 the image is the noise times 60, whose rounding is seen.
    const tolerance = step.prediction === 'epsilon' && !step.clip ? 2e-5 : 3e-6;
    step.result.forEach((value, i) =>
      expect(Math.abs(found[i] - value)).toBeLessThan(tolerance * (1 + Math.abs(value))),
    );
  });
});

describe('a learned variance', () => {
  it('runs from that of the posterior to beta', () => {
    const ends = learnedDeviation(0.3, 0.6, Float32Array.of(0, 1, 0.5)) as Float32Array;
    const [small, large] = [ddpmDeviation(0.3, 0.6, 'small'), ddpmDeviation(0.3, 0.6, 'large')];
    expect(ends[0]).toBeCloseTo(small, 6);
    expect(ends[1]).toBeCloseTo(large, 6);
    expect(ends[2]).toBeCloseTo(Math.sqrt(small * large), 6);
    expect([learnedDeviation(0.9, 1, Float32Array.of(1)), learnedDeviation(0.4, 0.4, Float32Array.of(1))]).toEqual([
      0, 0,
    ]);
  });
});

describe('Gaussian data with their optimal denoiser', () => {
  /** Pixels N(0.25, 0.15^2): the optimal prediction of the image is the posterior mean of x_0 given x_t. */
  const data = { mean: 0.25, deviation: 0.15 };
  const schedule = schedules[1];
  const optimalImage = (x: number, kept: number) =>
    (data.mean * (1 - kept) + Math.sqrt(kept) * data.deviation ** 2 * x) / (1 - kept + kept * data.deviation ** 2);

  function denoiser(kind: 'x0' | 'v', learned: boolean): Denoiser {
    return {
      predict: (x, _count, t) => {
        const kept = schedule.alphaBar[t];
        const prediction = x.map((value) => {
          const image = optimalImage(value, kept);
          if (kind === 'x0') return image;
          return (
            Math.sqrt(kept) * ((value - Math.sqrt(kept) * image) / Math.sqrt(1 - kept)) - Math.sqrt(1 - kept) * image
          );
        });
        const noise = combine(impliedNoise(kind, kept), x, prediction);
        const image = kept === 0 ? combine(impliedImage(kind, kept), x, prediction) : undefined;
        if (!learned) return { noise, image };
        // The variance of the true reverse step: posterior variance plus that of the image, carried over by the mean.
        const before = t === 0 ? 1 : schedule.alphaBar[t - 1];
        const beta = 1 - kept / before;
        const ofImage = (Math.sqrt(before) * beta) / (1 - kept);
        const uncertainty = (data.deviation ** 2 * (1 - kept)) / (1 - kept + kept * data.deviation ** 2);
        const small = (beta * (1 - before)) / (1 - kept);
        const optimal = small + ofImage ** 2 * uncertainty;
        const share = t === 0 ? 0 : Math.log(optimal / small) / Math.log(beta / small);
        return { noise, image, varianceFraction: x.map(() => share) };
      },
      dispose: () => undefined,
    };
  }

  it.each([
    ['DDIM from the image', 'x0', { method: 'ddim' }, false],
    ['DDIM from the velocity', 'v', { method: 'ddim' }, false],
    ['DDPM from the velocity, fixed variance', 'v', { method: 'ddpm', variance: 'large' }, false],
    ['DDPM from the velocity, learned variance', 'v', { method: 'ddpm' }, true],
  ] as const)('%s, begun without signal, draws their mean and deviation', async (_, kind, method, learned) => {
    const images = await sampleImages({
      denoiser: denoiser(kind, learned),
      schedule,
      sampling: samplingSchema.parse({ ...method, steps: 1000 }),
      count: 64,
      size: 4,
      channels: 3,
      seed: 11,
    });
    const mean = images.reduce((sum, value) => sum + value, 0) / images.length;
    const variance = images.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (images.length - 1);
    // 3072 values: standard errors are 0.018 of the deviation for the mean, 0.013 for the deviation itself.
    expect(Math.abs(mean - data.mean)).toBeLessThan(0.08 * data.deviation);
    expect(Math.abs(Math.sqrt(variance) / data.deviation - 1)).toBeLessThan(0.06);
  });
});
