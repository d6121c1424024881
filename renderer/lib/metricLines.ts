import type { MetricSeries } from '../../src/contract/runViews.js';
import type { Point } from './smoothing.js';

/** What a training logs of its updates. */
export type Quantity = 'loss' | 'gradientNorm' | 'learningRate';
/** What a curve runs over: updates, seconds of work (each training from 0, pauses left out), or the time of day. */
export type Over = 'step' | 'elapsed' | 'clock';

export const QUANTITIES: Readonly<Record<Quantity, string>> = {
  loss: 'Denoising loss',
  gradientNorm: 'Gradient norm',
  learningRate: 'Learning rate',
};
export const OVERS: Readonly<Record<Over, string>> = { step: 'Step', elapsed: 'Training time', clock: 'Time of day' };

/** The horizontal place of every logged update; null where it is not known. Steps, seconds, or ms since 1970. */
export function placesOver(
  series: Pick<MetricSeries, 'steps' | 'elapsed' | 'at'>,
  over: Over,
): readonly (number | null)[] {
  return over === 'step' ? series.steps : over === 'elapsed' ? series.elapsed : series.at;
}

/** The points that can be drawn: both values known and finite, and positive on logarithmic axes. */
export function drawablePoints(
  places: readonly (number | null)[],
  values: readonly number[],
  { logX, logY }: { readonly logX: boolean; readonly logY: boolean },
): Point[] {
  const points: Point[] = [];
  values.forEach((y, index) => {
    const x = places[index] ?? null;
    if (x === null || !Number.isFinite(x) || !Number.isFinite(y)) return;
    if ((logX && x <= 0) || (logY && y <= 0)) return;
    points.push({ x, y });
  });
  return points;
}
