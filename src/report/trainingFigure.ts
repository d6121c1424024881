import { axis, COLOURS, LEGEND, logAxis, renderSvg, SERIES_COLOURS, type Figure } from './chart.js';
import { formatCount, formatSignificant } from './format.js';
import type { ReportModel } from './reportModel.js';

type Curve = ReportModel['curves'][number];

/** Raw points drawn per curve; the CSV keeps all of them. */
const DRAWN_POINTS = 400;
/** The smoothing averages over about this share of a curve. */
const SMOOTHING_SHARE = 0.02;

/** Training loss of every stage: raw values faint, an exponential average on top; null when there are no curves. */
export function trainingFigure({ curves }: ReportModel): Figure | null {
  const drawn = curves.filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return null;
  const smoothed = drawn.map(({ points }) => smooth(points));
  const experts = drawn.map(({ stage }) => stage).filter((stage) => stage !== 'base' && stage !== 'uniform');
  const last = smoothed.map((points) => points[points.length - 1]!.loss);
  const summary = `Training loss at the end of each stage, smoothed: ${drawn
    .map(({ stage }, index) => `${stage} ${formatSignificant(last[index]!)}`)
    .join('; ')}.`;
  const svg = renderSvg(
    'training',
    summary,
    {
      legend: { ...LEGEND, data: drawn.map(({ stage }) => stage) },
      grid: { left: 72, right: 24, top: 40, bottom: 48 },
      xAxis: axis('update of the stage', { type: 'value', min: 0, nameGap: 28 }),
      yAxis: logAxis('training loss (log scale)'),
      series: drawn.flatMap(({ stage, points }, index) => {
        const style = curveStyle(stage, experts.indexOf(stage));
        const line = (values: Curve['points'], width: number, opacity: number) => ({
          type: 'line' as const,
          name: stage,
          data: thin(values).map(({ step, loss }) => [step, loss]),
          showSymbol: false,
          itemStyle: { color: style.color },
          lineStyle: { ...style, width, opacity },
        });
        return [line(points, 1, 0.22), line(smoothed[index]!, 2, 1)];
      }),
    },
    { width: 720, height: 360 },
  );
  return {
    id: 'training',
    title: 'Training',
    caption:
      'Loss of each update (faint) and its exponential average (solid). Levels differ between stages because the ' +
      'timesteps do: compare the experts with the base on held-out losses, not here.',
    summary,
    svg,
    table: {
      columns: [
        { label: 'stage', name: 'stage' },
        { label: 'updates', name: 'updates', format: formatCount },
        { label: 'first loss', name: 'first_loss', format: formatSignificant },
        { label: 'last loss, smoothed', name: 'last_loss_smoothed', format: formatSignificant },
      ],
      rows: drawn.map(({ stage, points }, index) => [
        stage,
        points[points.length - 1]!.step,
        points[0]!.loss,
        last[index]!,
      ]),
    },
  };
}

/** Base and uniform keep their colours of the other figures; experts take the series colours in turn, then dashed. */
function curveStyle(stage: string, expert: number): { color: string; type: 'solid' | 'dashed' } {
  if (stage === 'base') return { color: COLOURS.base, type: 'solid' };
  if (stage === 'uniform') return { color: COLOURS.uniform, type: 'solid' };
  return {
    color: SERIES_COLOURS[expert % SERIES_COLOURS.length]!,
    type: expert < SERIES_COLOURS.length ? 'solid' : 'dashed',
  };
}

/** Exponential moving average without the bias of its first values. */
function smooth(points: Curve['points']): Curve['points'] {
  const decay = 1 - 1 / Math.max(1, points.length * SMOOTHING_SHARE);
  let average = 0;
  let weight = 0;
  return points.map(({ step, loss }) => {
    average = decay * average + (1 - decay) * loss;
    weight = decay * weight + (1 - decay);
    return { step, loss: average / weight };
  });
}

/** At most `DRAWN_POINTS` evenly spaced points, the last one kept. Zero has no place on a log axis and is left out. */
function thin(points: Curve['points']): Curve['points'] {
  const stride = Math.ceil(points.length / DRAWN_POINTS);
  return points.filter(({ loss }, index) => loss > 0 && (points.length - 1 - index) % stride === 0);
}
