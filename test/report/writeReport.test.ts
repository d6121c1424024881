import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildReport } from '../../src/report/reportModel.js';
import { tableCsv } from '../../src/report/table.js';
import { readReport, writeReport } from '../../src/report/writeReport.js';
import { exampleContent } from './exampleReport.js';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'stepadapt-report-'));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

describe('writeReport', () => {
  it('writes the page, the data, the tables and the figures', async () => {
    const folder = join(parent, 'reports', '1');
    const page = await writeReport(folder, buildReport(exampleContent()));
    expect(page).toBe(join(folder, 'report.html'));
    expect((await readdir(folder)).sort()).toEqual([
      'budgets.csv',
      'comparison.csv',
      'comparison.tex',
      'experiment.stepadapt',
      'figures',
      'files.json',
      'group-losses.csv',
      'ledger.csv',
      'quality.csv',
      'report.html',
      'report.json',
      'seeds.csv',
      'snr.csv',
      'snr_by_timestep.csv',
      'timestep-losses.csv',
      'training-compute.csv',
      'training.csv',
      'training_by_step.csv',
      'widths.csv',
    ]);
    expect((await readdir(join(folder, 'figures'))).sort()).toEqual([
      'budgets.svg',
      'group-losses.svg',
      'quality.svg',
      'snr.svg',
      'timestep-losses.svg',
      'training-compute.svg',
      'training.svg',
    ]);
    expect(await readFile(join(folder, 'figures', 'snr.svg'), 'utf8')).toMatch(/^<svg role="img".*<\/svg>\s*$/s);
  });

  it('reads back exactly what was written', async () => {
    const model = buildReport(exampleContent());
    await writeReport(join(parent, '1'), model);
    expect(await readReport(join(parent, '1'))).toEqual(model);
  });

  it('keeps every digit in the CSV files', async () => {
    const model = buildReport(exampleContent());
    await writeReport(join(parent, '1'), model);
    const lines = (await readFile(join(parent, '1', 'snr_by_timestep.csv'), 'utf8')).trim().split('\r\n');
    expect(lines[0]).toBe('timestep,snr_db');
    expect(lines.slice(1).map((line) => Number(line.split(',')[1]))).toEqual(model.snrDb);
    const comparison = await readFile(join(parent, '1', 'comparison.csv'), 'utf8');
    expect(comparison).toContain(String(model.rows[2]!.value));
  });

  it('never overwrites an earlier report', async () => {
    const folder = join(parent, '1');
    const first = buildReport(exampleContent());
    await writeReport(folder, first);
    const second = buildReport(exampleContent({ project: 'another' }));
    await expect(writeReport(folder, second)).rejects.toMatchObject({ kind: 'input', code: 'REPORT_EXISTS' });
    expect(await readReport(folder)).toEqual(first);
  });

  it('refuses a damaged report.json', async () => {
    await writeFile(join(parent, 'report.json'), '{"format":"stepadapt-report"');
    await expect(readReport(parent)).rejects.toMatchObject({ code: 'REPORT_INVALID' });
    await writeFile(join(parent, 'report.json'), '{"format":"other"}');
    await expect(readReport(parent)).rejects.toMatchObject({ code: 'REPORT_INVALID' });
  });
});

describe('tableCsv', () => {
  it('quotes as RFC 4180 says and leaves null empty', () => {
    const columns = [
      { label: 'a', name: 'a' },
      { label: 'b', name: 'b' },
    ];
    expect(
      tableCsv({
        columns,
        rows: [
          ['say "hi", then\nbye', null],
          ['x', 0.1 + 0.2],
        ],
      }),
    ).toBe('a,b\r\n"say ""hi"", then\nbye",\r\nx,0.30000000000000004\r\n');
  });
});
