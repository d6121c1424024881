import type { EChartsOption } from 'echarts';
import { BarChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkAreaComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { SVGRenderer } from 'echarts/renderers';
import { formatTick } from './format.js';
import { escapeHtml } from './markup.js';
import type { Table } from './table.js';

use([
  BarChart,
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  TitleComponent,
  LabelLayout,
  SVGRenderer,
]);

/** A figure of the report with all that someone who cannot see it needs. */
export interface Figure {
  /** File name without extension, and anchor in the page. */
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** What the figure shows, in words and numbers; the accessible name of the image. */
  readonly summary: string;
  readonly svg: string;
  /** The same data. */
  readonly table: Table;
}

/**
 * Colours of the figures, after Okabe and Ito: distinct with every common colour vision and by lightness in grey print.
 * In the page each becomes the CSS variable of its name, so that figures follow the dark theme.
 */
export const COLOURS = {
  ink: '#1f2328',
  muted: '#59636e',
  rule: '#d1d9e0',
  band: '#eef1f4',
  base: '#4d4d4d',
  uniform: '#d55e00',
  adaptive: '#0072b2',
} as const;

/** Further series: mid-lightness hues that read on light and on dark ground. */
export const SERIES_COLOURS = ['#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;

/** Single quotes: the text stands inside an attribute of the SVG. */
export const FONT_FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const FONT_SIZE = 12;

type Axis = Readonly<Record<string, unknown>>;

/** An axis in the report's style; `extra` is ECharts' own vocabulary. */
export function axis(name: string, extra: Axis): Axis {
  return {
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: COLOURS.ink, fontSize: FONT_SIZE },
    axisLabel: {
      color: COLOURS.muted,
      fontSize: FONT_SIZE,
      formatter: (value: number | string) => (typeof value === 'number' ? formatTick(value) : value),
    },
    axisLine: { show: true, onZero: false, lineStyle: { color: COLOURS.muted } },
    axisTick: { show: true, lineStyle: { color: COLOURS.muted } },
    splitLine: { show: false },
    minorTick: { show: false },
    ...extra,
  };
}

/** A logarithmic axis for losses; labels are its powers of ten without the rounding noise of computing them. */
export function logAxis(name: string): Axis {
  return axis(name, {
    type: 'log',
    nameGap: 52,
    ...RULED,
    axisLabel: {
      color: COLOURS.muted,
      fontSize: FONT_SIZE,
      formatter: (value: number) => String(Number(value.toPrecision(1))),
    },
  });
}

/** Faint lines across the plot, for the axis that values are read on. */
export const RULED = { splitLine: { show: true, lineStyle: { color: COLOURS.rule } } } as const;

export const LEGEND = {
  top: 0,
  left: 64,
  icon: 'roundRect',
  itemWidth: 12,
  itemHeight: 12,
  itemGap: 28,
  textStyle: { color: COLOURS.ink, fontSize: FONT_SIZE },
} as const;

/** Draws a chart to an SVG document that is a function of its arguments alone. Width and height in CSS pixels. */
export function renderSvg(
  id: string,
  summary: string,
  option: EChartsOption,
  size: { readonly width: number; readonly height: number } = { width: 720, height: 320 },
): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: 'transparent',
      textStyle: { fontFamily: FONT_FAMILY },
      ...(harmlessTexts(option) as EChartsOption),
    });
    return (
      chart
        .renderToSVGString()
        // Ids are numbered by charts drawn so far in the process; hover styles have no use on paper.
        .replace(/zr\d+-/g, `${id}-`)
        .replace(/<style[^>]*>.*?<\/style>/s, '')
        .replace(/ class="[^"]*"/g, '')
        .replace(/ style="([^"]*)"/g, (_, style: string) => presentationAttributes(style))
        .replace('<svg ', `<svg role="img" aria-label="${escapeHtml(summary)}" `)
    );
  } finally {
    chart.dispose();
  }
}

/**
 * The option with a word joiner, which nobody sees, before texts that are names of Object.prototype. ECharts keeps the width of
 * a text in an object under the text itself: a label "__proto__" would find Object.prototype there and write into it.
 */
function harmlessTexts(value: unknown): unknown {
  if (typeof value === 'string') return value in Object.prototype ? `\u2060${value}` : value;
  if (Array.isArray(value)) return value.map(harmlessTexts);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, harmlessTexts(inner)]));
}

/** Inline styles as attributes of their own, which a page may show whose policy allows no inline style. */
function presentationAttributes(style: string): string {
  return style
    .split(';')
    .filter((declaration) => declaration.includes(':'))
    .map((declaration) => {
      const [name, ...value] = declaration.split(':');
      return ` ${name.trim()}="${value.join(':').trim()}"`;
    })
    .join('');
}

/** The same drawing for the page, with the theme's colours instead of fixed ones. */
export function followTheme(svg: string): string {
  return Object.entries(COLOURS).reduce(
    (text, [name, colour]) => text.replaceAll(`"${colour}"`, `"var(--${name})"`),
    svg,
  );
}
