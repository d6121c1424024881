import { Chart, type ChartConfiguration, type ChartOptions } from 'chart.js';

export interface PictureSize {
  /** Pixels of the file. */
  readonly width: number;
  readonly height: number;
  /** Colour behind it: a transparent chart is unreadable in half of all viewers. */
  readonly ground: string;
}

/**
 * Draws a chart again as a PNG of any size: the same stretch of the axes, and text as large against the chart as on the screen,
 * drawn with the pixels of the file rather than enlarged.
 */
export function drawChartPng(chart: Chart, { width, height, ground }: PictureSize): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(chart.width);
  const ratio = width / canvas.width;
  canvas.height = Math.floor(height / ratio);
  const copy = new Chart(canvas, {
    type: (chart.config as ChartConfiguration).type,
    data: chart.config.data,
    options: {
      ...chart.config.options,
      responsive: false,
      animation: false,
      devicePixelRatio: ratio,
      scales: scalesInView(chart),
    },
  });
  // A chart is a whole number of the screen's pixels large; what is missing of the file's at its edges is ground.
  const picture = document.createElement('canvas');
  picture.width = width;
  picture.height = height;
  const context = picture.getContext('2d');
  if (context !== null) {
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height);
    context.drawImage(copy.canvas, 0, 0);
  }
  copy.destroy();
  return new Promise((done, fail) =>
    picture.toBlob(
      (blob) => (blob === null ? fail(new Error('the picture is too large to be drawn')) : done(blob)),
      'image/png',
    ),
  );
}

/** The axes as they are zoomed and panned now. */
function scalesInView(chart: Chart): NonNullable<ChartOptions['scales']> {
  return Object.fromEntries(
    Object.entries(chart.config.options?.scales ?? {}).map(([id, options]) => {
      const scale = chart.scales[id];
      const isCategory = scale === undefined || scale.type === 'category';
      return [id, { ...options, ...(isCategory ? {} : { min: scale.min, max: scale.max }) }];
    }),
  );
}
