import { describe, expect, it } from 'vitest';
import { comparisonResult, describeComparison } from '../../src/cli/comparison.js';
import { buildReport } from '../../src/report/reportModel.js';
import { exampleContent } from '../report/exampleReport.js';

const { rows, protocol } = buildReport(exampleContent());

describe('the comparison on the terminal', () => {
  it('has a row a model with the spread over seeds, and one line that says how it was measured', () => {
    const [header, base, , adaptive, empty, line, ...rest] = describeComparison({ rows, protocol }).split('\n');
    expect(header).toMatch(/^model +MACs +FD \(fashion features\) +std +images +s\/image$/);
    // 24.0, 27.7, 25.2: mean 25.633, standard deviation sqrt(7.1633 / 2)
    expect(base).toMatch(/^base +1\.000 +25\.63 +1\.89 +2000 +0\.0110$/);
    expect(adaptive).toMatch(/^adaptive +0\.800 +26\.10 /);
    expect(empty).toBe('');
    expect(line).toBe(
      'protocol: features fashion-mnist-16-v1 (abababab); 2000 images a model, seeds 0, 1, 2; ' +
        'ddim 50 steps, uniform grid, eta 0; EMA weights; against 60000 images of fashion-mnist (cdcdcdcd)',
    );
    expect(rest).toEqual([]);
  });

  it('gives one seed no spread, DDPM its variance, and says when fewer timesteps are visited than asked for', () => {
    const other = {
      ...protocol,
      seeds: [7],
      weights: 'raw' as const,
      sampler: {
        ...protocol.sampler,
        method: 'ddpm' as const,
        grid: 'quadratic' as const,
        visited: protocol.sampler.visited.slice(2),
      },
    };
    const text = describeComparison({ rows: rows.map((row) => ({ ...row, secondsPerImage: null })), protocol: other });
    expect(text.split('\n')[0]).not.toContain('std');
    expect(text).toContain('seed 7; ddpm 50 steps (48 calls), quadratic grid, variance large; raw weights');
  });

  it('gives scripts the rows and the whole protocol', () => {
    const result = comparisonResult({ path: 'r/report.html', rows, protocol });
    expect(result.report).toBe('r/report.html');
    expect(result.protocol).toEqual(protocol);
    expect(result.rows[0]).toEqual({
      model: 'base',
      macsRatio: 1,
      metric: 'FD (fashion features)',
      value: (24.0 + 27.7 + 25.2) / 3,
      samples: 2000,
      secondsPerImage: 0.011,
    });
  });
});
