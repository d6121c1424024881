import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { expandSweep, parseSweep } from '../../../src/pipeline/sweep/sweepFile.js';
import { sweepCsv, type SweepRow } from '../../../src/pipeline/sweep/tabulateSweep.js';
import { TINY } from '../stageContext.js';

const expand = (sweep: object) => expandSweep(parseSweep({ base: TINY, folder: 'out', ...sweep }, 'the test'));

describe('expandSweep', () => {
  it('makes a project of every combination, with baselines after it', () => {
    const points = expand({ vary: { 'grouping.groups': [2, 3], seed: [0, 7] }, baselines: ['reversed'] });
    expect(points.map(({ name }) => name)).toEqual([
      'grouping.groups=2_seed=0',
      'grouping.groups=2_seed=0_reversed',
      'grouping.groups=2_seed=7',
      'grouping.groups=2_seed=7_reversed',
      'grouping.groups=3_seed=0',
      'grouping.groups=3_seed=0_reversed',
      'grouping.groups=3_seed=7',
      'grouping.groups=3_seed=7_reversed',
    ]);
    expect(points[2].config).toMatchObject({ seed: 7, grouping: { groups: 2 }, budget: { orientation: 'high-snr' } });
    expect(points[3].config).toMatchObject({ seed: 7, budget: { orientation: 'low-snr' } });
  });

  it('sets fields for all, and names lists by their position', () => {
    const points = expand({
      set: { 'base.steps': 9 },
      vary: {
        'grouping.bounds': [
          [0, 10, 40],
          [0, 20, 40],
        ],
      },
    });
    expect(points.map(({ name }) => name)).toEqual(['grouping.bounds=#0', 'grouping.bounds=#1']);
    expect(points[1].config).toMatchObject({ base: { steps: 9 }, grouping: { bounds: [0, 20, 40], groups: 2 } });
  });

  it('builds the baselines', () => {
    const [method, full, scratch, reversed, longer] = expand({
      baselines: ['full-size-experts', 'scratch-experts', 'reversed', 'base-longer'],
    }).map(({ config }) => config);
    expect(full).toMatchObject({ budget: { rule: 'linear', k: 1 }, evaluation: { uniformBaseline: false } });
    expect(scratch.experts.start).toBe('scratch');
    expect(reversed.budget.orientation).toBe('low-snr');
    // Two groups at a mean of 0.9: ratios 1 and 0.8, four steps each.
    expect(longer).toMatchObject({
      grouping: { groups: 1 },
      budget: { k: 1 },
      experts: { steps: Math.round(4 * 1.8) },
    });
    expect([full, scratch, reversed, longer].every(({ base }) => base.steps === method.base.steps)).toBe(true);
  });

  it.each([
    ['an unknown field', { folders: 'x' }, 'SWEEP_INVALID'],
    ['no folder', { folder: undefined }, 'SWEEP_INVALID'],
    ['an empty list', { vary: { seed: [] } }, 'SWEEP_INVALID'],
    ['an unknown baseline', { baselines: ['magic'] }, 'SWEEP_INVALID'],
    ['a project twice', { vary: { seed: [1, 1] } }, 'SWEEP_INVALID'],
    ['too many projects', { vary: { seed: Array.from({ length: 1001 }, (_, seed) => seed) } }, 'SWEEP_INVALID'],
    ['an unknown preset', { base: 'huge' }, 'PRESET_UNKNOWN'],
    ['an unknown config field', { vary: { 'base.pace': [1] } }, 'CONFIG_INVALID'],
    ['a value out of range', { vary: { 'budget.k': [2] } }, 'CONFIG_INVALID'],
    ['a prototype', { set: { '__proto__.polluted': 1 } }, 'SWEEP_INVALID'],
    ['groups that cannot be', { vary: { 'grouping.groups': [2, 41] } }, 'GROUPS_EXCEED_TIMESTEPS'],
  ])('refuses %s', (_name, sweep, code) => {
    expect(() => expand(sweep)).toThrow(expect.objectContaining({ kind: 'input', code }));
  });

  it('the example is a sweep', async () => {
    const example = JSON.parse(await readFile('examples/sweep.json', 'utf8'));
    expect(expandSweep(parseSweep(example, 'the example'))).toHaveLength(18);
  });
});

describe('sweepCsv', () => {
  it('quotes what holds commas', () => {
    const row: SweepRow = {
      varied: { 'grouping.bounds': [0, 1] },
      model: 'adaptive',
      seeds: 2,
      metric: 'FD',
      mean: 1.5,
      std: null,
      macsRatio: 0.8,
      trainingMacs: 10,
      secondsPerImage: 0.1,
    };
    expect(sweepCsv([row])).toBe(
      'grouping.bounds,model,seeds,metric,mean,std,macsRatio,trainingMacs,secondsPerImage\r\n' +
        '"[0,1]",adaptive,2,FD,1.5,,0.8,10,0.1\r\n',
    );
  });
});
