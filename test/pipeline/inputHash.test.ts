import { describe, expect, it } from 'vitest';
import { inputHashes } from '../../src/pipeline/inputHash.js';
import { pipelineStages } from '../../src/pipeline/pipelineStages.js';
import { parseConfig } from '../../src/project/project.js';

const hashes = (config: object) => inputHashes(pipelineStages(parseConfig(config)));

/** Stages whose hash differs between two configs. */
function changed(before: object, after: object): string[] {
  const [a, b] = [hashes(before), hashes(after)];
  return [...b.keys()].filter((id) => a.get(id) !== b.get(id));
}

const groups = { grouping: { groups: 2 } };
const all = ['base', 'grouping', 'experts/0', 'experts/1', 'uniform', 'features', 'evaluation'];

describe('which stages a change of the config touches', () => {
  it.each([
    ['the seed', { seed: 5 }, all.filter((id) => id !== 'features')],
    ['the schedule', { diffusion: { schedule: 'cosine' } }, all.filter((id) => id !== 'features')],
    ['the budget', { budget: { targetMean: 0.85 } }, ['grouping', 'experts/0', 'experts/1', 'uniform', 'evaluation']],
    ['the proxy search', { pruning: { rounds: 9 } }, ['experts/0', 'experts/1', 'evaluation']],
    ['the number of samples', { evaluation: { samples: 50 } }, ['evaluation']],
    ['how often checkpoints are written', { base: { checkpointEvery: 7, keepCheckpoints: 5 } }, []],
    ['the sampling batch', { sampling: { batch: 3 } }, []],
  ])('%s', (_name, change, expected) => {
    expect(changed(groups, { ...groups, ...change })).toEqual(expected);
  });
});
