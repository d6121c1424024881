import { axis, COLOURS, LEGEND, renderSvg, RULED, type Figure } from './chart.js';
import {
  formatCount,
  formatDistance,
  formatDuration,
  formatPercent,
  formatSi,
  formatThousandths,
  standardDeviation,
} from './format.js';
import { kernelLabel } from '../evaluation/protocol.js';
import type { ReportModel } from './reportModel.js';
import type { Table } from './table.js';

const SYMBOLS = { base: 'circle', uniform: 'diamond', adaptive: 'triangle' } as const;

/** The headline: every model with its quality and what it costs to sample and to train. */
export function comparisonTable({ rows, metric, protocol }: ReportModel): Table {
  const steps = protocol.sampler.visited.length;
  return {
    columns: [
      { label: 'model', name: 'model' },
      { label: metric, name: 'distance', format: formatDistance },
      { label: '± over seeds', name: 'distance_std_over_seeds', format: formatDistance },
      { label: `${kernelLabel(metric)} × 10³`, name: 'kernel_distance', format: formatThousandths },
      { label: '± over subsets', name: 'kernel_distance_std_over_subsets', format: formatThousandths },
      { label: 'compute per image', name: 'macs_ratio', format: formatPercent },
      { label: 'MACs per image', name: 'macs_per_image', format: formatSi },
      { label: 'time per image', name: 'seconds_per_image', format: formatDuration },
      { label: 'parameters', name: 'parameters', format: formatCount },
      { label: 'training MACs', name: 'training_macs', format: formatSi },
    ],
    rows: rows.map((row) => [
      row.label,
      row.value,
      standardDeviation(row.perSeed.map(({ value }) => value)),
      row.kid.mean,
      row.kid.std,
      row.macsRatio,
      row.macs * steps,
      row.secondsPerImage,
      row.parameters,
      row.trainingMacs,
    ]),
  };
}

/** Quality against sampling compute: lower left is better. */
export function qualityFigure({ rows, metric }: ReportModel): Figure {
  const summary = `${metric} against compute per image: ${rows
    .map(({ label, value, macsRatio }) => `${label} ${formatDistance(value)} at ${formatPercent(macsRatio)}`)
    .join('; ')}. Lower left is better.`;
  const values = rows.flatMap(({ perSeed, value }) => [value, ...perSeed.map((seed) => seed.value)]);
  const room = Math.max((Math.max(...values) - Math.min(...values)) * 0.25, Math.max(...values) * 0.05);
  const lowest = Math.max(0, Math.min(...values) - room);
  const ratios = rows.map(({ macsRatio }) => 100 * macsRatio);
  const svg = renderSvg('quality', summary, {
    legend: { ...LEGEND, icon: undefined },
    grid: { left: 72, right: 24, top: 40, bottom: 48 },
    xAxis: axis('compute per image (% of the base, mean over the steps visited)', {
      type: 'value',
      min: Math.max(0, Math.floor((Math.min(...ratios) - 10) / 10) * 10),
      max: Math.ceil((Math.max(...ratios) + 5) / 10) * 10,
      nameGap: 28,
    }),
    yAxis: axis(`${metric}, lower is better`, {
      type: 'value',
      min: Number(lowest.toPrecision(2)),
      max: Number((Math.max(...values) + room).toPrecision(2)),
      nameGap: 48,
      ...RULED,
    }),
    series: rows.flatMap((row) => {
      const shared = {
        type: 'scatter' as const,
        name: row.label,
        symbol: SYMBOLS[row.model],
      };
      const seeds = {
        ...shared,
        symbolSize: 7,
        itemStyle: { color: COLOURS[row.model], opacity: 0.45 },
        data: row.perSeed.map(({ value }) => [100 * row.macsRatio, value]),
      };
      const mean = {
        ...shared,
        symbolSize: 15,
        itemStyle: { color: COLOURS[row.model], opacity: 1 },
        data: [[100 * row.macsRatio, row.value]],
        label: {
          show: true,
          // Two models of equal compute lie one above the other: their labels keep to different sides.
          position: row.model === 'adaptive' ? ('left' as const) : ('right' as const),
          distance: 10,
          color: COLOURS.ink,
          formatter: () => formatDistance(row.value),
        },
      };
      return row.perSeed.length > 1 ? [mean, seeds] : [mean];
    }),
  });
  return {
    id: 'quality',
    title: 'Quality against compute',
    caption:
      'Distance between generated and real images against the compute of one image. Large marks are means, small ones ' +
      'single seeds. The vertical axis need not start at zero.',
    summary,
    svg,
    table: {
      columns: [
        { label: 'model', name: 'model' },
        { label: 'seed', name: 'seed', format: (value) => String(value) },
        { label: 'images', name: 'images', format: formatCount },
        { label: 'compute per image', name: 'macs_ratio', format: formatPercent },
        { label: metric, name: 'distance', format: formatDistance },
        { label: `${kernelLabel(metric)} × 10³`, name: 'kernel_distance', format: formatThousandths },
      ],
      rows: rows.flatMap((row) =>
        row.perSeed.map(({ seed, value, kid }) => [row.label, seed, row.samples, row.macsRatio, value, kid.mean]),
      ),
    },
  };
}
