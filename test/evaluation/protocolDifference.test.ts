import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import { protocolDifferences } from '../../src/evaluation/protocolDifference.js';
import { describeProtocol } from '../../src/evaluation/protocol.js';
import { randomProjection } from '../../src/evaluation/randomProjection.js';

const protocol = (sampling: object, samples: number) =>
  describeProtocol({
    extractor: randomProjection({ size: 8, channels: 1 }),
    context: {
      sampling: configSchema.parse({ sampling }).sampling,
      visited: Int32Array.of(900, 0),
      seed: 0,
      weights: 'ema',
      software: 'test',
    },
    samples,
    reference: { source: 'shapes', images: 10, hash: 'h' },
    kernel: { subsets: 1, subsetSize: 2, seed: 0 },
  });

describe('protocolDifferences', () => {
  it('finds none between equal protocols', () => {
    expect(protocolDifferences(protocol({}, 10), protocol({}, 10))).toEqual([]);
  });

  it('names each field that differs, with both values and what it does', () => {
    const differences = protocolDifferences(protocol({}, 10), protocol({ eta: 1 }, 50));
    expect(differences).toEqual([
      { field: 'samples', first: 10, second: 50, effect: expect.stringContaining('c / N') },
      { field: 'sampler.eta', first: 0, second: 1, effect: expect.any(String) },
    ]);
  });

  it('sees a field that one side lacks', () => {
    const plain = protocol({}, 10);
    expect(protocolDifferences({ ...plain, neighbours: 3 }, plain)).toEqual([
      { field: 'neighbours', first: 3, second: null, effect: expect.stringContaining('precision and recall') },
    ]);
  });
});
