import { formatDistance, standardDeviation } from './format.js';
import type { ReportModel, ReportRow } from './reportModel.js';
import type { Cell, Column, Table } from './table.js';

/** The metrics beside the two distances. */

type SeedValues = ReportRow['perSeed'][number];

interface Metric {
  readonly label: string;
  readonly name: string;
  readonly value: (seed: SeedValues) => number | undefined;
}

const share = (value: number) => value.toFixed(4);

function metrics(distance: string): readonly Metric[] {
  return [
    { label: 'precision', name: 'precision', value: ({ precision }) => precision },
    { label: 'recall', name: 'recall', value: ({ recall }) => recall },
    { label: 'Inception Score', name: 'inception_score', value: ({ inceptionScore }) => inceptionScore?.mean },
    { label: `${distance}, N → ∞`, name: 'distance_extrapolated', value: ({ extrapolated }) => extrapolated },
    { label: 'SSIM to the base', name: 'ssim_to_base', value: ({ similarity }) => similarity?.ssim },
    {
      label: 'pixel error to the base',
      name: 'absolute_error_to_base',
      value: ({ similarity }) => similarity?.absoluteError,
    },
    {
      label: 'RMS error to the base',
      name: 'rms_error_to_base',
      value: ({ similarity }) => similarity?.rootMeanSquare,
    },
  ];
}

/** Means and spreads over the seeds of what was asked for; no rows when nothing was. */
export function furtherTable({ rows, metric }: ReportModel): Table {
  const measured = metrics(metric).filter(({ value }) => rows.some(({ perSeed }) => perSeed.some(isMeasured(value))));
  const severalSeeds = rows.some(({ perSeed }) => perSeed.length > 1);
  const columns: Column[] = measured.flatMap(({ label, name }) => {
    const format = name === 'distance_extrapolated' || name === 'inception_score' ? formatDistance : share;
    const mean = { label, name, format };
    return severalSeeds ? [mean, { label: '± over seeds', name: `${name}_std_over_seeds`, format }] : [mean];
  });
  const cells = ({ perSeed }: ReportRow): Cell[] =>
    measured.flatMap(({ value }) => {
      const values = perSeed.map(value).filter((number) => number !== undefined);
      const mean = values.length === 0 ? null : values.reduce((sum, number) => sum + number, 0) / values.length;
      return severalSeeds ? [mean, standardDeviation(values)] : [mean];
    });
  return {
    columns: [{ label: 'model', name: 'model' }, ...columns],
    rows: measured.length === 0 ? [] : rows.map((row) => [row.label, ...cells(row)]),
  };
}

/** Every metric of every seed. */
export function seedsTable({ rows, metric }: ReportModel): Table {
  const further = metrics(metric);
  return {
    columns: [
      { label: 'model', name: 'model' },
      { label: 'seed', name: 'seed', format: String },
      { label: 'images', name: 'images', format: String },
      { label: metric, name: 'distance', format: String },
      { label: 'kernel distance', name: 'kernel_distance', format: String },
      { label: '± over subsets', name: 'kernel_distance_std_over_subsets', format: String },
      ...further.map(({ label, name }) => ({ label, name, format: String })),
    ],
    rows: rows.flatMap(({ label, samples, perSeed }) =>
      perSeed.map((seed): Cell[] => [
        label,
        seed.seed,
        samples,
        seed.value,
        seed.kid.mean,
        seed.kid.std,
        ...further.map(({ value }) => value(seed) ?? null),
      ]),
    ),
  };
}

function isMeasured(value: Metric['value']): (seed: SeedValues) => boolean {
  return (seed) => value(seed) !== undefined;
}
