import { describe, expect, it } from 'vitest';
import { describeSweep } from '../../src/cli/sweepTable.js';
import type { SweepRow } from '../../src/pipeline/sweep/tabulateSweep.js';
import { buildReport } from '../../src/report/reportModel.js';
import { exampleContent } from '../report/exampleReport.js';

const { protocol } = buildReport(exampleContent());
const row: SweepRow = {
  varied: { 'grouping.groups': 3 },
  model: 'adaptive',
  seeds: 2,
  metric: protocol.metric,
  mean: 25.634,
  std: 1.5,
  macsRatio: 0.8,
  trainingMacs: 1.25e12,
  secondsPerImage: 0.01,
};

describe('the table of a sweep on the terminal', () => {
  it('has the varied fields, mean and spread, failures, and one line that says how all was measured', () => {
    const failures = [{ project: 'c', error: { code: 'DATA_MISSING', message: 'no images', hint: 'look' } }];
    const text = describeSweep({ rows: [row], protocols: [{ projects: ['a', 'b'], protocol }], failures });
    const [header, line, failed, empty, measured, ...rest] = text.split('\n');
    expect(header).toMatch(/^grouping\.groups +model +seeds +FD \(fashion features\) +std +MACs +training MACs$/);
    expect(line).toMatch(/^ *3 +adaptive +2 +25\.63 +1\.50 +0\.800 +1\.25e\+12$/);
    expect(failed).toBe('c failed: DATA_MISSING: no images');
    expect(empty).toBe('');
    expect(measured).toMatch(
      /^protocol: features fashion-mnist-16-v1 \(abababab\); 2000 images a model, .* ddim 50 steps/,
    );
    expect(rest).toEqual([]);
  });

  it('names the projects of each protocol where they were measured differently, and warns', () => {
    const other = { ...protocol, samples: 500 };
    const protocols = [
      { projects: ['a', 'b'], protocol },
      { projects: ['c'], protocol: other },
    ];
    const lines = describeSweep({ rows: [row], protocols, failures: [] })
      .split('\n')
      .slice(3);
    expect(lines[0]).toMatch(/^a, b: protocol: .* 2000 images a model/);
    expect(lines[1]).toMatch(/^c: protocol: .* 500 images a model/);
    expect(lines[2]).toMatch(/no common scale/);
  });

  it('says nothing of a protocol where nothing was measured', () => {
    expect(describeSweep({ rows: [], protocols: [], failures: [] })).not.toContain('protocol');
  });
});
