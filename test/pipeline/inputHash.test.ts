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
const all = ['base', 'grouping', 'features', 'experts/0', 'experts/1', 'uniform', 'evaluation'];

describe('which stages a change of the config touches', () => {
  it.each([
    ['the seed', { seed: 5 }, all.filter((id) => id !== 'features')],
    ['the schedule', { diffusion: { schedule: 'cosine' } }, all.filter((id) => id !== 'features')],
    ['what is predicted', { diffusion: { prediction: 'v' } }, all.filter((id) => id !== 'features')],
    ['the arithmetic', { precision: 'bfloat16' }, all.filter((id) => id !== 'features')],
    ['gradient checkpointing', { base: { gradientCheckpointing: true } }, []],
    ['the loss weight', { base: { lossWeight: 'p2' } }, all.filter((id) => id !== 'features')],
    ['the budget', { budget: { targetMean: 0.85 } }, ['grouping', 'experts/0', 'experts/1', 'uniform', 'evaluation']],
    [
      'the scope of pruning',
      { pruning: { scope: 'inner+attention' } },
      ['experts/0', 'experts/1', 'uniform', 'evaluation'],
    ],
    ['the norm policy', { pruning: { normPolicy: 'gcd' } }, ['experts/0', 'experts/1', 'uniform', 'evaluation']],
    ['the importance', { pruning: { importance: 'l1' } }, ['experts/0', 'experts/1', 'uniform', 'evaluation']],
    ['the proxy search', { pruning: { rounds: 9 } }, ['experts/0', 'experts/1', 'evaluation']],
    ['the number of samples', { evaluation: { samples: 50 } }, ['evaluation']],
    ['how often checkpoints are written', { base: { checkpointEvery: 7, keepCheckpoints: 5 } }, []],
    ['the sampling batch', { sampling: { batch: 3 } }, []],
  ])('%s', (_name, change, expected) => {
    expect(changed(groups, { ...groups, ...change })).toEqual(expected);
  });
});

describe('stages that only some configs have', () => {
  const similar = { grouping: { groups: 2, method: 'mixture' } };
  const ids = (config: object) => [...hashes(config).keys()];

  it('similarity comes between the base and the groups that it decides', () => {
    expect(ids(similar)).toEqual(['base', 'similarity', ...all.slice(1)]);
    expect(ids({ grouping: { ...similar.grouping, bounds: [0, 500, 1000] } })).toEqual(all);
    const weight = { grouping: { ...similar.grouping, similarityWeight: 0.9 } };
    expect(changed(similar, weight)).toEqual(['grouping', 'experts/0', 'experts/1', 'uniform', 'evaluation']);
    const points = { grouping: { ...similar.grouping, gradientPoints: 9 } };
    expect(changed(similar, points)).toEqual(['similarity', ...changed(similar, weight)]);
  });

  it('the distance proxy depends on the sampler', () => {
    const distance = { ...groups, pruning: { proxy: 'distance' } };
    const steps = { sampling: { steps: 20, grid: 'quadratic' } };
    expect(changed(distance, { ...distance, sampling: { eta: 1 } })).toEqual(['experts/0', 'experts/1', 'evaluation']);
    expect(changed(groups, { ...groups, ...steps })).toContain('grouping');
  });

  it.each([
    ['distillation', { experts: { distillation: 0.5 } }],
    ['early stopping', { experts: { evaluateEvery: 10, patience: 3 } }],
    ['the proposer', { pruning: { proposer: 'random' } }],
  ])('%s decides the experts', (_name, change) => {
    expect(changed(groups, { ...groups, ...change })).toEqual(['experts/0', 'experts/1', 'evaluation']);
  });
});
