import { axis, COLOURS, LEGEND, logAxis, renderSvg, RULED, type Figure } from './chart.js';
import { formatCount, formatDecibels, formatPercent, formatSi, formatSignificant } from './format.js';
import type { ReportGroup, ReportModel } from './reportModel.js';
import type { Table } from './table.js';

/** Figures about the timestep groups: where they lie, what they may cost, and how well each expert does its part. */

const GRID = { left: 64, right: 24, top: 40, bottom: 48 };

const integer = (value: number) => String(value);

/** Signal-to-noise ratio over the timesteps, with the groups as bands. */
export function snrFigure({ snrDb, groups }: ReportModel): Figure {
  const summary =
    `Signal-to-noise ratio falls from ${formatDecibels(snrDb[0] ?? 0)} dB at timestep 0 to ` +
    `${formatDecibels(snrDb[snrDb.length - 1] ?? 0)} dB at timestep ${snrDb.length - 1}. ` +
    `${groups.length} groups: ${groups.map(({ from, to }) => `${from} to ${to - 1}`).join(', ')}.`;
  const svg = renderSvg('snr', summary, {
    grid: GRID,
    xAxis: axis('timestep', {
      type: 'value',
      min: 0,
      max: snrDb.length,
      nameGap: 28,
    }),
    yAxis: axis('signal-to-noise ratio (dB)', { type: 'value', nameGap: 40, ...RULED }),
    series: [
      {
        type: 'line',
        data: snrDb.map((value, timestep) => [timestep, value]),
        showSymbol: false,
        sampling: 'lttb',
        lineStyle: { color: COLOURS.adaptive, width: 2 },
        markArea: {
          silent: true,
          label: { color: COLOURS.ink, position: 'top', distance: 4 },
          data: groups.map(({ index, from, to }) => [
            {
              name: `${index}`,
              xAxis: from,
              itemStyle: { color: index % 2 === 0 ? COLOURS.band : 'transparent' },
            },
            { xAxis: to },
          ]),
        },
      },
    ],
  });
  return {
    id: 'snr',
    title: 'Timestep groups',
    caption:
      'Difficulty of each timestep as its signal-to-noise ratio, and the groups it is divided into. ' +
      'Group 0 has the least noise; each group has one expert.',
    summary,
    svg,
    table: {
      columns: [
        { label: 'group', name: 'group', format: integer },
        { label: 'from', name: 'from_timestep', format: integer },
        { label: 'to', name: 'to_timestep', format: integer },
        { label: 'highest SNR (dB)', name: 'snr_high_db', format: formatDecibels },
        { label: 'lowest SNR (dB)', name: 'snr_low_db', format: formatDecibels },
        { label: 'sampler steps', name: 'sampler_steps', format: integer },
      ],
      rows: groups.map(({ index, from, to, snrDb: range, visited }) => [
        index,
        from,
        to - 1,
        range.high,
        range.low,
        visited,
      ]),
    },
  };
}

/** Requested and effective compute of each group's expert. */
export function budgetFigure({ groups }: ReportModel): Figure {
  const share = (macs: number, { baseMacs }: ReportGroup) => (100 * macs) / baseMacs;
  const summary = `Compute of the experts as a share of the base, requested and effective: ${groups
    .map(
      (group) =>
        `group ${group.index} ${formatPercent(group.budget)} and ${formatPercent(group.effectiveMacs / group.baseMacs)}`,
    )
    .join('; ')}.`;
  const bar = (name: string, colour: string, values: number[]) => ({
    type: 'bar' as const,
    name,
    data: values,
    itemStyle: { color: colour },
    barMaxWidth: 28,
    barGap: '8%',
  });
  const svg = renderSvg('budgets', summary, {
    legend: LEGEND,
    grid: GRID,
    xAxis: axis('timestep group (0 = least noise)', {
      type: 'category',
      data: groups.map(({ index }) => String(index)),
      nameGap: 28,
    }),
    yAxis: axis('MACs (% of the base)', { type: 'value', min: 0, max: 100, nameGap: 40, ...RULED }),
    series: [
      bar(
        'requested',
        COLOURS.muted,
        groups.map((group) => share(group.requestedMacs, group)),
      ),
      bar(
        'effective',
        COLOURS.adaptive,
        groups.map((group) => share(group.effectiveMacs, group)),
      ),
    ],
  });
  return {
    id: 'budgets',
    title: 'Compute of the experts',
    caption:
      'What each expert was allowed to cost and what it costs, as a share of the base network. ' +
      'They differ where the budget lies between two possible widths.',
    summary,
    svg,
    table: {
      columns: [
        { label: 'group', name: 'group', format: integer },
        { label: 'budget', name: 'budget_ratio', format: formatPercent },
        { label: 'requested MACs', name: 'requested_macs', format: formatSi },
        { label: 'effective MACs', name: 'effective_macs', format: formatSi },
        { label: 'effective', name: 'effective_ratio', format: formatPercent },
        { label: 'parameters', name: 'parameters', format: formatCount },
        { label: 'channels kept', name: 'channels_kept_ratio', format: formatPercent },
      ],
      rows: groups.map((group) => [
        group.index,
        group.budget,
        group.requestedMacs,
        group.effectiveMacs,
        group.effectiveMacs / group.baseMacs,
        group.parameters,
        channelsKept(group),
      ]),
    },
  };
}

/** Held-out loss per group of the base, of the sliced base, and of the fine-tuned expert; null when none was measured. */
export function groupLossFigure({ groups }: ReportModel): Figure | null {
  const measured = groups.flatMap(({ index, loss }) => (loss === null ? [] : [{ index, ...loss }]));
  if (measured.length === 0) return null;
  const better = measured.filter(({ base, tuned }) => tuned < base).length;
  const summary =
    `Held-out denoising loss per group. The fine-tuned expert is below the base in ${better} of ${measured.length} groups: ` +
    `${measured
      .map(({ index, base, tuned }) => `group ${index} ${formatSignificant(tuned)} against ${formatSignificant(base)}`)
      .join('; ')}.`;
  const points = (name: string, symbol: string, colour: string, values: number[], offset: number) => ({
    type: 'scatter' as const,
    name,
    symbol,
    symbolSize: 11,
    symbolOffset: [offset, 0],
    itemStyle: { color: colour, opacity: 1 },
    data: values,
  });
  const svg = renderSvg('group-losses', summary, {
    legend: { ...LEGEND, icon: undefined },
    grid: { ...GRID, left: 72 },
    xAxis: axis('timestep group (0 = least noise)', {
      type: 'category',
      data: measured.map(({ index }) => String(index)),
      nameGap: 28,
    }),
    yAxis: logAxis('held-out loss (log scale)'),
    series: [
      points(
        'base',
        'circle',
        COLOURS.base,
        measured.map(({ base }) => base),
        -14,
      ),
      points(
        'sliced, not tuned',
        'diamond',
        COLOURS.uniform,
        measured.map(({ untuned }) => untuned),
        0,
      ),
      points(
        'fine-tuned expert',
        'triangle',
        COLOURS.adaptive,
        measured.map(({ tuned }) => tuned),
        14,
      ),
    ],
  });
  return {
    id: 'group-losses',
    title: 'Held-out loss per group',
    caption:
      'Denoising loss on held-out images at fixed noises and timesteps of the group: the base, the base sliced to the ' +
      'budget, and the same network after fine-tuning on the group. Lower is better.',
    summary,
    svg,
    table: {
      columns: [
        { label: 'group', name: 'group', format: integer },
        { label: 'base', name: 'loss_base', format: formatSignificant },
        { label: 'sliced, not tuned', name: 'loss_sliced', format: formatSignificant },
        { label: 'fine-tuned expert', name: 'loss_tuned', format: formatSignificant },
        { label: 'tuned / base', name: 'tuned_over_base', format: formatPercent },
      ],
      rows: measured.map(({ index, base, untuned, tuned }) => [index, base, untuned, tuned, tuned / base]),
    },
  };
}

/** Width of every prunable layer in every expert, as kept channels. */
export function widthsTable({ groups }: ReportModel): Table {
  const ids = [...new Set(groups.flatMap(({ widths }) => widths.map(({ id }) => id)))];
  return {
    columns: [
      { label: 'width', name: 'width' },
      { label: 'base', name: 'base_channels', format: integer },
      ...groups.map(({ index }) => ({
        label: `group ${index}`,
        name: `group_${index}_channels`,
        format: integer,
      })),
    ],
    rows: ids.map((id) => {
      const found = groups.map(({ widths }) => widths.find((width) => width.id === id) ?? null);
      return [id, found.find((width) => width !== null)?.base ?? null, ...found.map((width) => width?.kept ?? null)];
    }),
  };
}

function channelsKept({ widths }: ReportGroup): number | null {
  const base = widths.reduce((sum, width) => sum + width.base, 0);
  return base === 0 ? null : widths.reduce((sum, width) => sum + width.kept, 0) / base;
}
