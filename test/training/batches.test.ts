import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import type { Dataset } from '../../src/data/dataset.js';
import { trainingObjective } from '../../src/diffusion/objective.js';
import { boundTerms } from '../../src/diffusion/posterior.js';
import { drawBatch, type BatchRequest } from '../../src/training/batches.js';
import { intervalOfTimesteps } from '../../src/training/timestepDraws.js';
import type { MicroBatch } from '../../src/training/trainStep.js';

const SIZE = 4;
const PIXELS = SIZE * SIZE;
const COUNT = 20;

/** Image `i` has value `10 i` in its left half and `10 i + 5` in its right half. */
const dataset: Dataset = {
  source: 'test',
  count: COUNT,
  size: SIZE,
  channels: 1,
  pixels: Uint8Array.from(
    { length: COUNT * PIXELS },
    (_, i) => 10 * Math.floor(i / PIXELS) + (i % SIZE < SIZE / 2 ? 0 : 5),
  ),
  labels: null,
  classes: [],
  hash: '',
};
const objective = trainingObjective(configSchema.parse({ diffusion: { timesteps: 100 } }));
const { schedule } = objective;

function request(rest: Partial<BatchRequest> = {}): BatchRequest {
  return {
    dataset,
    objective,
    draw: intervalOfTimesteps(20, 80),
    seed: 3,
    stream: 'base',
    update: 1,
    batch: 10,
    microBatch: 10,
    flip: false,
    ...rest,
  };
}

function joined(batches: readonly MicroBatch[]) {
  return {
    xt: batches.flatMap(({ xt }) => [...xt]),
    target: batches.flatMap(({ target }) => [...target]),
    timesteps: batches.flatMap(({ timesteps }) => [...timesteps]),
    weights: batches.flatMap(({ weights }) => [...weights]),
  };
}

/** The clean bytes of each image, from x_t = sqrt(abar) x_0 + sqrt(1 - abar) noise solved for x_0. */
function cleanBytes({ xt, target, timesteps, count }: MicroBatch): number[][] {
  return Array.from({ length: count }, (_, image) => {
    const alphaBar = schedule.alphaBar[timesteps[image]];
    return Array.from({ length: PIXELS }, (_, pixel) => {
      const i = image * PIXELS + pixel;
      return 127.5 * ((xt[i] - Math.sqrt(1 - alphaBar) * target[i]) / Math.sqrt(alphaBar) + 1);
    });
  });
}

describe('drawBatch', () => {
  it('noises whole epochs of the data: two updates of half an epoch hold every image once', () => {
    const images = [1, 2].flatMap((update) => drawBatch(request({ update })).flatMap(cleanBytes));
    const seen = images.map((bytes) => Math.round(Math.abs(bytes[0]) / 10)).sort((a, b) => a - b);
    expect(seen).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    for (const bytes of images) {
      const first = 10 * Math.round(bytes[0] / 10);
      bytes.forEach((byte, pixel) => expect(byte).toBeCloseTo(first + (pixel % SIZE < SIZE / 2 ? 0 : 5), 1));
    }
  });

  it('does not depend on the micro-batch size', () => {
    const whole = drawBatch(request({ flip: true }));
    expect(whole).toHaveLength(1);
    for (const microBatch of [1, 3, 10, 64]) {
      const parts = drawBatch(request({ flip: true, microBatch }));
      expect(parts.map(({ count }) => count)).toHaveLength(Math.ceil(10 / microBatch));
      expect(Math.max(...parts.map(({ count }) => count))).toBeLessThanOrEqual(microBatch);
      expect(joined(parts)).toEqual(joined(whole));
    }
  });

  it('repeats for the same update and differs for another update, seed or stream', () => {
    const first = joined(drawBatch(request()));
    expect(joined(drawBatch(request()))).toEqual(first);
    for (const other of [{ update: 2 }, { seed: 4 }, { stream: 'expert' }]) {
      const drawn = joined(drawBatch(request(other)));
      expect(drawn.target).not.toEqual(first.target);
      expect(drawn.timesteps).not.toEqual(first.timesteps);
    }
  });

  it('asks the given draw for timesteps, and leaves every loss weight at one', () => {
    const { timesteps, weights } = joined(drawBatch(request({ draw: intervalOfTimesteps(42, 43) })));
    expect(timesteps).toEqual(Array<number>(10).fill(42));
    expect(weights).toEqual(Array<number>(10).fill(1));
  });

  it('gives the target, weight and bound of another objective for the same images, noises and timesteps', () => {
    const other = trainingObjective(
      configSchema.parse({
        diffusion: { timesteps: 100, prediction: 'v', variance: 'learned-range' },
        base: { lossWeight: 'min-snr' },
      }),
    );
    const [plain] = drawBatch(request());
    const parts = drawBatch(request({ objective: other, microBatch: 4 }));
    const found = joined(parts);
    expect([found.xt, found.timesteps]).toEqual([[...plain.xt], [...plain.timesteps]]);
    found.timesteps.forEach((t, image) => {
      const kept = schedule.alphaBar[t];
      const snr = kept / (1 - kept);
      expect(found.weights[image]).toBeCloseTo(Math.min(snr, 5) / (snr + 1), 5);
      // v = (noise - sqrt(1 - alphaBar) x_t) / sqrt(alphaBar), which the definitions give when x_0 is taken out.
      const i = image * PIXELS;
      const v = (plain.target[i] - Math.sqrt(1 - kept) * plain.xt[i]) / Math.sqrt(kept);
      expect(found.target[i]).toBeCloseTo(v, 3);
    });
    const bound = parts.flatMap(({ bound: rows }) => [...rows!]);
    expect(bound).toEqual([...Float32Array.from(found.timesteps.flatMap((t) => boundTerms(other.schedule, 'v', t)))]);
    expect(plain.bound).toBeUndefined();
  });

  it('mirrors about half of the images, left to right, when asked', () => {
    const draws = Array.from({ length: 40 }, (_, i) => drawBatch(request({ update: i + 1, flip: true })));
    const images = draws.flatMap((batches) => batches.flatMap(cleanBytes));
    const mirrored = images.filter((bytes) => bytes[0] > bytes[SIZE - 1]);
    // 400 fair coins: 4.5 standard deviations are 45.
    expect(Math.abs(mirrored.length - 200)).toBeLessThan(45);
  });

  it('gives noise of mean 0 and variance 1', () => {
    const noise = Array.from({ length: 40 }, (_, i) => joined(drawBatch(request({ update: i + 1 }))).target).flat();
    const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
    const variance = noise.reduce((sum, value) => sum + value * value, 0) / noise.length;
    expect(Math.abs(mean)).toBeLessThan(4.5 / Math.sqrt(noise.length));
    expect(Math.abs(variance - 1)).toBeLessThan(4.5 * Math.sqrt(2 / noise.length));
  });
});
