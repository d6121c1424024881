import { axis, LEGEND, renderSvg, RULED, SERIES_COLOURS } from './chart.js';
import { formatDistance, formatSi } from './format.js';

/** One project's models in a chart of several. */
export interface ComparedProject {
  readonly name: string;
  readonly metric: string;
  readonly rows: readonly {
    readonly model: 'base' | 'uniform' | 'adaptive';
    readonly label: string;
    /** The distance, mean over the seeds. */
    readonly value: number;
    readonly perSeed: readonly number[];
    /** Multiply-accumulates over all visited steps. */
    readonly macsPerImage: number;
  }[];
}

const SYMBOLS = { base: 'circle', uniform: 'diamond', adaptive: 'triangle' } as const;

/**
 * Quality against compute of several projects in one SVG.
 *
 * @param warning written over the plot; for values that were measured in different ways
 */
export function compareFigure(projects: readonly ComparedProject[], warning: string | null): string {
  const metrics = [...new Set(projects.map(({ metric }) => metric))].join(' and ');
  const summary = projects
    .flatMap(({ name, rows }) =>
      rows.map(({ label, value, macsPerImage }) => {
        return `${name}, ${label}: ${formatDistance(value)} at ${formatSi(macsPerImage)}MACs per image`;
      }),
    )
    .join('; ');
  return renderSvg('compare', `${warning === null ? '' : `${warning}. `}${metrics}: ${summary}.`, {
    ...(warning !== null && {
      title: { text: warning, left: 72, bottom: 0, textStyle: { color: '#b3261e', fontSize: 12, fontWeight: 'bold' } },
    }),
    legend: { ...LEGEND, icon: undefined },
    grid: { left: 72, right: 24, top: 72, bottom: warning === null ? 48 : 68 },
    xAxis: axis('MACs per image, over all steps visited', {
      type: 'value',
      min: 0,
      nameGap: 28,
      axisLabel: { formatter: (value: number) => formatSi(value) },
    }),
    yAxis: axis(`${metrics}, lower is better`, { type: 'value', scale: true, nameGap: 48, ...RULED }),
    series: projects.flatMap(({ name, rows }, index) => {
      const color = SERIES_COLOURS[index % SERIES_COLOURS.length];
      return rows.flatMap(({ model, label, value, perSeed, macsPerImage }) => [
        {
          type: 'scatter' as const,
          name: `${name}, ${label}`,
          symbol: SYMBOLS[model],
          symbolSize: 14,
          itemStyle: { color },
          data: [[macsPerImage, value]],
        },
        ...(perSeed.length > 1
          ? [
              {
                type: 'scatter' as const,
                symbol: SYMBOLS[model],
                symbolSize: 5,
                itemStyle: { color, opacity: 0.6 },
                data: perSeed.map((seed) => [macsPerImage, seed]),
              },
            ]
          : []),
      ]);
    }),
  });
}
