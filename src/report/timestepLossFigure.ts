import { axis, COLOURS, LEGEND, logAxis, renderSvg, type Figure } from './chart.js';
import { formatPercent, formatSignificant } from './format.js';
import type { ReportModel } from './reportModel.js';

const SYMBOLS = { base: 'circle', uniform: 'diamond', adaptive: 'triangle' } as const;

/** Held-out loss over the timesteps, every model on the same images and noises; null when it was not measured of every model. */
export function timestepLossFigure({ rows, groups, lossByTimestep: bins }: ReportModel): Figure | null {
  const base = rows.findIndex(({ model }) => model === 'base');
  const adaptive = rows.findIndex(({ model }) => model === 'adaptive');
  if (bins.length === 0 || base < 0 || adaptive < 0) return null;
  if (bins.some(({ losses }) => losses.length !== rows.length)) return null;
  const better = bins.filter(({ losses }) => losses[adaptive] < losses[base]).length;
  const summary =
    `Held-out denoising loss over the timesteps. The experts are below the base in ${better} of ${bins.length} equal parts of ` +
    `the timesteps; the base's loss falls from ${formatSignificant(bins[0].losses[base])} to ` +
    `${formatSignificant(bins[bins.length - 1].losses[base])}.`;
  const centre = ({ from, to }: (typeof bins)[number]) => (from + to - 1) / 2;
  const svg = renderSvg('timestep-losses', summary, {
    legend: { ...LEGEND, icon: undefined },
    grid: { left: 72, right: 24, top: 56, bottom: 48 },
    xAxis: axis('timestep', { type: 'value', min: 0, max: bins[bins.length - 1].to, nameGap: 28 }),
    yAxis: logAxis('held-out loss (log scale)'),
    series: rows.map(({ model, label }, index) => ({
      type: 'line' as const,
      name: label,
      symbol: SYMBOLS[model],
      symbolSize: 7,
      itemStyle: { color: COLOURS[model] },
      lineStyle: { color: COLOURS[model], width: 2 },
      data: bins.filter(({ losses }) => losses[index] > 0).map((bin) => [centre(bin), bin.losses[index]]),
      ...(model === 'base' && {
        markArea: {
          silent: true,
          label: { color: COLOURS.ink, position: 'top' as const, distance: 4 },
          data: groups.map(({ index: group, from, to }) => [
            { name: `${group}`, xAxis: from, itemStyle: { color: group % 2 === 0 ? COLOURS.band : 'transparent' } },
            { xAxis: to },
          ]) as [object, object][],
        },
      }),
    })),
  });
  return {
    id: 'timestep-losses',
    title: 'Held-out loss by timestep',
    caption:
      'Denoising loss on held-out images in equal parts of the timesteps; every model sees the same images and noises, and the ' +
      'experts each their own timesteps. Bands are the timestep groups. Lower is better.',
    summary,
    svg,
    table: {
      columns: [
        { label: 'from', name: 'from_timestep', format: String },
        { label: 'to', name: 'to_timestep', format: String },
        ...rows.map(({ model, label }) => ({ label, name: `loss_${model}`, format: formatSignificant })),
        { label: 'experts / base', name: 'adaptive_over_base', format: formatPercent },
      ],
      rows: bins.map(({ from, to, losses }) => [from, to - 1, ...losses, losses[adaptive] / losses[base]]),
    },
  };
}
