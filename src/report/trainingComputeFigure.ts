import { axis, COLOURS, LEGEND, renderSvg, RULED, type Figure } from './chart.js';
import { formatDistance, formatSi } from './format.js';
import type { ReportModel } from './reportModel.js';

const SYMBOLS = { base: 'circle', uniform: 'diamond', adaptive: 'triangle' } as const;

/** Quality against everything that training and search took, the base's training included: lower left is better. */
export function trainingComputeFigure({ rows, metric }: ReportModel): Figure | null {
  if (rows.every(({ trainingMacs }) => trainingMacs === 0)) return null;
  const summary = `${metric} against training compute: ${rows
    .map(({ label, value, trainingMacs }) => `${label} ${formatDistance(value)} after ${formatSi(trainingMacs)} MACs`)
    .join('; ')}. Lower left is better.`;
  const svg = renderSvg('training-compute', summary, {
    legend: { ...LEGEND, icon: undefined },
    grid: { left: 72, right: 24, top: 40, bottom: 48 },
    xAxis: axis('training and search (multiply-accumulates)', {
      type: 'value',
      min: 0,
      nameGap: 28,
      axisLabel: { color: COLOURS.muted, formatter: (value: number) => formatSi(value) },
    }),
    yAxis: axis(`${metric}, lower is better`, { type: 'value', scale: true, nameGap: 48, ...RULED }),
    series: rows.map((row) => ({
      type: 'scatter' as const,
      name: row.label,
      symbol: SYMBOLS[row.model],
      symbolSize: 15,
      itemStyle: { color: COLOURS[row.model] },
      data: [[row.trainingMacs, row.value]],
      label: {
        show: true,
        position: row.model === 'adaptive' ? ('left' as const) : ('right' as const),
        distance: 10,
        color: COLOURS.ink,
        formatter: () => formatDistance(row.value),
      },
    })),
  });
  return {
    id: 'training-compute',
    title: 'Quality against training compute',
    caption:
      'Distance between generated and real images against all the training and search that a model needed. Every model starts ' +
      "from the base, so the base's training counts for each.",
    summary,
    svg,
    table: {
      columns: [
        { label: 'model', name: 'model' },
        { label: 'training MACs', name: 'training_macs', format: formatSi },
        { label: metric, name: 'distance', format: formatDistance },
      ],
      rows: rows.map(({ label, trainingMacs, value }) => [label, trainingMacs, value]),
    },
  };
}
