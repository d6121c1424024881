/**
 * Frames a second while the loss of a long run is panned: 5 trainings of 200 000 logged steps each, drawn decimated.
 *
 *     node test/bench/windowPanning.mjs [STEPS]
 *
 * Under a minute. The pointer drags the zoomed chart to and fro, one move a frame; frames are counted by the page itself. The
 * goal is 60 frames a second, the rate at which Chromium asks for frames.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { median, openWindow, printResult, quantile } from './openWindow.mjs';

const steps = Number(process.argv[2] ?? 200_000);
const SECONDS = 6;
const SERIES = ['base', 'experts/0', 'experts/1', 'experts/2', 'experts/3'];

/** A curve as a training leaves it: a falling loss with noise. The noise is a fixed sequence. */
function metrics(series) {
  let state = 1 + series;
  const lines = [];
  for (let step = 1; step <= steps; step++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const loss = (0.02 + 0.9 / (1 + step / 500)) * (0.7 + (0.6 * state) / 2_147_483_648) * (1 - series / 8);
    lines.push(
      `{"step":${step},"loss":${loss.toPrecision(6)},"gradientNorm":1,"learningRate":0.001,"lossByTimestep":[]}\n`,
    );
  }
  return lines.join('');
}

const window = await openWindow();
try {
  const { id } = await window.call('projects.create', { name: 'long', preset: 'shapes-tiny' });
  // A run that began: its trainings are replaced by long ones.
  await window.call('runs.start', { id });
  const stateOf = async () => {
    const { job, stages } = await window.call('runs.snapshot', { id });
    return { job: job?.state, base: stages[0].state, done: stages[0].work?.done ?? 0 };
  };
  while ((await stateOf()).done === 0) await new Promise((done) => setTimeout(done, 300));
  await window.call('runs.stop', { id });
  while ((await stateOf()).job !== 'interrupted') await new Promise((done) => setTimeout(done, 300));
  for (const [index, stage] of SERIES.entries()) {
    const folder = join(window.folder, 'long', 'stages', stage);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'metrics.jsonl'), metrics(index));
    await mkdir(join(folder, 'samples'), { recursive: true });
  }
  const { page } = window;
  const opened = performance.now();
  await page.goto(`${window.origin}/?again#/project/${id}/run`);
  const chart = page.getByRole('img', { name: /^Loss\. / });
  await chart.waitFor();
  const openedMs = performance.now() - opened;
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await page.mouse.move(middle.x, middle.y);
  await page.keyboard.down('Control');
  for (let turn = 0; turn < 8; turn++) await page.mouse.wheel(0, -300);
  await page.keyboard.up('Control');
  await page.getByRole('button', { name: 'Reset zoom' }).waitFor();
  const picture = () => chart.evaluate((canvas) => canvas.toDataURL());
  const before = await picture();

  await page.mouse.down();
  await page.evaluate(() => {
    window.frames60 = [];
    const frame = (now) => {
      window.frames60.push(now);
      window.counting = requestAnimationFrame(frame);
    };
    window.counting = requestAnimationFrame(frame);
  });
  const until = performance.now() + 1000 * SECONDS;
  let moves = 0;
  while (performance.now() < until) {
    await page.mouse.move(middle.x + 180 * Math.sin(moves / 25), middle.y);
    moves += 1;
  }
  await page.mouse.move(middle.x + 120, middle.y);
  const changed = (await picture()) !== before;
  await page.mouse.up();
  const times = await page.evaluate(() => {
    cancelAnimationFrame(window.counting);
    return window.frames60;
  });
  if (!changed) throw new Error('the chart did not move: nothing was measured');
  const intervals = times.slice(1).map((time, index) => time - times[index]);
  printResult({
    benchmark: `panning ${SERIES.length} series of ${steps} steps`,
    goalFramesPerSecond: 60,
    framesPerSecond: Number(((1000 * intervals.length) / (times.at(-1) - times[0])).toFixed(1)),
    frameMs: { median: Number(median(intervals).toFixed(1)), p95: Number(quantile(intervals, 0.95).toFixed(1)) },
    pointerMoves: moves,
    openedMs: Math.round(openedMs),
  });
} finally {
  await window.close();
}
