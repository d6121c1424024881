import { modelSchema, type ModelConfig } from '../../src/contract/config.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import type { PruningRule } from '../../src/model/prunableWidths.js';
import type { UNetSpec } from '../../src/model/spec.js';
import { tensorShapes } from '../../src/model/tensorShapes.js';
import type { Weights } from '../../src/model/weights.js';
import { randomNormal } from '../../src/tensor/random.js';

/** The default rule: inner widths by whole norm groups. */
export const innerRule: PruningRule = { normPolicy: 'whole-groups', scope: 'inner' };

/** The published CIFAR-10 network of DDPM, or one of other width. */
export function cifarSpec(channels = 128): UNetSpec {
  return buildUNetSpec(
    modelSchema.parse({
      channels,
      multipliers: [1, 2, 2, 2],
      blocks: 2,
      attention: [16],
      normGroups: channels === 48 ? 16 : 32,
    }),
    { size: 32, channels: 3 },
  );
}

/** Two levels of 8 and 16 channels with attention in the second; norm groups of 2 and 4 channels. */
export function smallSpec(model: Partial<ModelConfig> = {}): UNetSpec {
  return buildUNetSpec(
    modelSchema.parse({ channels: 8, multipliers: [1, 2], blocks: 1, attention: [4], normGroups: 4, ...model }),
    { size: 8, channels: 3 },
  );
}

/** Weights at a scale where every tensor matters. */
export function randomWeights(spec: UNetSpec, seed = 0): Weights {
  return new Map(
    [...tensorShapes(spec)].map(([name, shape]) => {
      const count = shape.reduce((product, length) => product * length, 1);
      const scale = shape.length > 1 ? Math.sqrt(shape[0] / count) : 0.3;
      const offset = /norm.*weight$/.test(name) ? 1 : 0;
      const data = randomNormal({ seed, stream: name, index: 0 }, count).map((value) => offset + scale * value);
      return [name, { shape, data }];
    }),
  );
}
