import { modelSchema } from '../../src/contract/config.js';
import type { ImportanceScores } from '../../src/method/importance.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { prunableWidths, type PruningRule } from '../../src/model/prunableWidths.js';
import type { UNetSpec } from '../../src/model/spec.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import type { Weights } from '../../src/model/weights.js';
import { randomNormal, randomUniform } from '../../src/tensor/random.js';
import type { MicroBatch } from '../../src/training/trainStep.js';

/** The default rule: inner widths by whole norm groups. */
export const innerRule: PruningRule = { normPolicy: 'whole-groups', scope: 'inner' };

/** Five prunable widths of four norm groups each: small enough to enumerate. */
export function tinySpec(): UNetSpec {
  const model = modelSchema.parse({ channels: 8, multipliers: [1], blocks: 1, attention: [], normGroups: 4 });
  return buildUNetSpec(model, { size: 8, channels: 1 });
}

/** The CIFAR-10 network of DDPM. */
export function cifarSpec(): UNetSpec {
  const model = modelSchema.parse({
    channels: 128,
    multipliers: [1, 2, 2, 2],
    blocks: 2,
    attention: [16],
    normGroups: 32,
  });
  return buildUNetSpec(model, { size: 32, channels: 3 });
}

/** Weights as a trained network might have them: nothing is zero, signals keep their scale. */
export function randomWeights(spec: UNetSpec, seed: number): Weights {
  return new Map(
    [...tensorShapes(spec)].map(([name, shape], index) => {
      const count = shape.reduce((product, size) => product * size, 1);
      const scale = shape.length > 1 ? Math.sqrt(1 / (count / shape[0])) : 0.3;
      const offset = /norm.*weight$/.test(name) ? 1 : 0;
      const data = randomNormal({ seed, stream: 'test.weights', index }, count).map((value) => offset + scale * value);
      return [name, { shape, data }];
    }),
  );
}

export function randomScores(spec: UNetSpec, seed: number, rule = innerRule): ImportanceScores {
  return new Map(
    prunableWidths(spec, rule).map(({ id, width }, index) => [
      id,
      Float64Array.from(randomUniform({ seed, stream: 'test.scores', index }, width)),
    ]),
  );
}

export function randomBatch(spec: UNetSpec, seed: number, count = 2): MicroBatch {
  const values = count * spec.size * spec.size * spec.inChannels;
  return {
    count,
    xt: randomNormal({ seed, stream: 'test.xt', index: 0 }, values),
    target: randomNormal({ seed, stream: 'test.target', index: 0 }, values),
    timesteps: Int32Array.from({ length: count }, (_, image) => (137 * (seed + image)) % 1000),
    weights: new Float32Array(count).fill(1),
  };
}
