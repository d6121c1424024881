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
export async function drawChartPng(chart: Chart, { width, height, ground }: PictureSize): Promise<Blob> {
  const ratio = width / chart.width;
  const canvas = document.createElement('canvas');
  canvas.width = chart.width;
  canvas.height = height / ratio;
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
    plugins: [solidGround(ground)],
  });
  try {
    return await new Promise((done, fail) =>
      copy.canvas.toBlob(
        (blob) => (blob === null ? fail(new Error('the picture is too large to be drawn')) : done(blob)),
        'image/png',
      ),
    );
  } finally {
    copy.destroy();
  }
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

function solidGround(colour: string) {
  return {
    id: 'solidGround',
    beforeDraw: ({ ctx, width, height }: Chart) => {
      ctx.save();
      ctx.fillStyle = colour;
      ctx.fillRect(0, 0, width, height);
      ctx.restore();
    },
  };
}
