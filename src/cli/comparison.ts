import type { ReportRow } from '../report/reportModel.js';
import { formatTable } from './table.js';

/** One row of the comparison as `run` and `demo` give it to scripts. */
export interface ComparisonRow {
  readonly model: ReportRow['model'];
  readonly macsRatio: number;
  readonly metric: string;
  readonly value: number;
  readonly samples: number;
  readonly secondsPerImage: number | null;
}

export function comparisonRows(rows: readonly ReportRow[], metric: string): ComparisonRow[] {
  return rows.map(({ model, macsRatio, value, samples, secondsPerImage }) => ({
    model,
    macsRatio,
    metric,
    value,
    samples,
    secondsPerImage,
  }));
}

/** The comparison as a table for people. */
export function describeRows(rows: readonly ComparisonRow[]): string {
  return formatTable(
    ['model', 'MACs', rows[0]?.metric ?? 'value', 'images', 's/image'],
    rows.map((row) => [
      row.model,
      row.macsRatio.toFixed(3),
      row.value.toFixed(2),
      String(row.samples),
      row.secondsPerImage === null ? '' : row.secondsPerImage.toFixed(4),
    ]),
  );
}
