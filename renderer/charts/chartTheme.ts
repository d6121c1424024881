import { computed, type ComputedRef } from 'vue';
import type { ChartOptions, Scale } from 'chart.js';
import { logTicks, tickLabel } from '../lib/axisTicks.js';
import { useSettingsStore } from '../stores/settings.js';

/** What the canvas needs of the style sheet, as values: a canvas cannot read custom properties. */
export interface ChartTheme {
  readonly dark: boolean;
  readonly ink: string;
  readonly faint: string;
  readonly rule: string;
  readonly surface: string;
  readonly accent: string;
  /** Told apart by colour-blind readers as well; models always have the same one. */
  readonly models: Readonly<Record<'base' | 'uniform' | 'adaptive', string>>;
  readonly bad: string;
}

const LIGHT: ChartTheme = {
  dark: false,
  ink: '#1b2127',
  faint: '#5f6972',
  rule: '#e4e7ea',
  surface: '#ffffff',
  accent: '#1a5f8f',
  models: { base: '#5b6570', uniform: '#a8327a', adaptive: '#1a5f8f' },
  bad: '#ad2b22',
};

const DARK: ChartTheme = {
  dark: true,
  ink: '#e6eaee',
  faint: '#98a3ad',
  rule: '#2b3238',
  surface: '#1a1f24',
  accent: '#6cb6ec',
  models: { base: '#b3bdc6', uniform: '#f08cc4', adaptive: '#6cb6ec' },
  bad: '#ff9a90',
};

export function useChartTheme(): ComputedRef<ChartTheme> {
  const settings = useSettingsStore();
  return computed(() => (settings.dark ? DARK : LIGHT));
}

export interface AxisOptions {
  readonly title: string;
  readonly type?: 'linear' | 'logarithmic' | 'category';
  readonly min?: number;
  readonly max?: number;
  readonly grid?: boolean;
  readonly ticks?: (value: number) => string;
  readonly tickCount?: number;
  /** No labels at the very edges, where they are no round numbers. */
  readonly isOpen?: boolean;
}

/** One axis, calm: a title, few ticks at round numbers, hairlines. */
export function axis(theme: ChartTheme, options: AxisOptions) {
  const { ticks = options.type === 'category' ? undefined : tickLabel } = options;
  return {
    type: options.type ?? ('linear' as const),
    ...(options.min === undefined ? {} : { min: options.min }),
    ...(options.max === undefined ? {} : { max: options.max }),
    title: { display: options.title !== '', text: options.title, color: theme.faint, font: { size: 12 } },
    ...(options.type === 'logarithmic' && { afterBuildTicks: placeLogTicks }),
    border: { color: theme.rule },
    grid: { display: options.grid ?? true, color: theme.rule, tickLength: 4 },
    ticks: {
      color: theme.faint,
      font: { size: 11 },
      maxTicksLimit: options.tickCount ?? 8,
      maxRotation: 0,
      ...(options.isOpen === true && { includeBounds: false }),
      ...(ticks === undefined ? {} : { callback: (value: string | number) => ticks(Number(value)) }),
    },
  };
}

function placeLogTicks(scale: Scale): void {
  scale.ticks = logTicks(scale.min, scale.max).map((value) => ({ value }));
}

/** What every chart shares: no animation, and the window's own fonts and colours. */
export function baseOptions(theme: ChartTheme) {
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    normalized: true,
    color: theme.ink,
    plugins: {
      legend: {
        display: false,
        position: 'top',
        align: 'start',
        labels: { color: theme.ink, boxWidth: 14, boxHeight: 2, padding: 14, font: { size: 12 } },
      },
      tooltip: {
        backgroundColor: theme.dark ? '#2b333a' : '#1b2127',
        titleColor: '#ffffff',
        bodyColor: '#ffffff',
        padding: 8,
        boxPadding: 4,
        cornerRadius: 5,
        displayColors: true,
      },
    },
  } satisfies ChartOptions;
}

/** Wheel with Ctrl and pinch zoom; dragging pans. Plain scrolling stays the page's. */
export function zoomOptions(mode: 'x' | 'xy') {
  return {
    zoom: { wheel: { enabled: true, modifierKey: 'ctrl' as const }, pinch: { enabled: true }, mode },
    pan: { enabled: true, mode },
    limits: { x: { min: 'original' as const, max: 'original' as const } },
  };
}
