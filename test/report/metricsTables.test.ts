import { describe, expect, it } from 'vitest';
import { furtherTable, seedsTable } from '../../src/report/metricsTables.js';
import { buildReport } from '../../src/report/reportModel.js';
import { exampleContent } from './exampleReport.js';

describe('tables of further metrics', () => {
  it('has no rows where none was asked for', () => {
    expect(furtherTable(buildReport(exampleContent())).rows).toEqual([]);
  });

  it('gives mean and spread over the seeds of what was measured, and every seed its own row', () => {
    const content = exampleContent();
    const rows = content.rows.map((row) => ({
      ...row,
      perSeed: row.perSeed.map((seed) => ({
        ...seed,
        precision: 0.6 + 0.1 * seed.seed,
        // The base has no likeness to itself.
        ...(row.model !== 'base' && { similarity: { ssim: 0.9, absoluteError: 0.02, rootMeanSquare: 0.03 } }),
      })),
    }));
    const report = buildReport({ ...content, rows });
    const further = furtherTable(report);
    expect(further.columns.map(({ name }) => name)).toEqual([
      'model',
      ...['precision', 'ssim_to_base', 'absolute_error_to_base', 'rms_error_to_base'].flatMap((name) => [
        name,
        `${name}_std_over_seeds`,
      ]),
    ]);
    const [base, , adaptive] = further.rows;
    expect(base.slice(1, 3).map((value) => Number(value).toFixed(6))).toEqual(['0.700000', '0.100000']);
    expect(base.slice(3)).toEqual([null, null, null, null, null, null]);
    expect(adaptive[3]).toBeCloseTo(0.9);
    const seeds = seedsTable(report);
    expect(seeds.rows).toHaveLength(9);
    expect(seeds.rows[1].slice(0, 4)).toEqual(['Base', 1, 2000, 27.7]);
  });
});
