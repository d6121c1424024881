/**
 * What an open window costs a training on the same machine.
 *
 *     node test/bench/windowTraining.mjs [TURNS] [SECONDS]
 *
 * Four minutes. One training runs all the while; the window shows its run, then an empty page, in turns, so that a slower
 * minute of the machine meets both. Updates a second are counted from the training's own clock (`clock.jsonl`). The goal is a
 * cost under 2 %. The browser draws without a graphics card here, on the cores that train: the cost is an upper bound.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { median, openWindow, printResult } from './openWindow.mjs';

const turns = Number(process.argv[2] ?? 10);
const seconds = Number(process.argv[3] ?? 10);
const SETTLE_MS = 1500;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const window = await openWindow();
try {
  const made = await window.call('projects.create', { name: 'training', preset: 'shapes-tiny' });
  const { id } = made;
  // A training logs a thousand lines in all: with so many steps every fourth update, often enough for turns of some seconds.
  const base = { ...made.config.base, steps: 4000, checkpointEvery: 4000, sampleEvery: 0 };
  await window.call('projects.saveConfig', { id, config: { ...made.config, base } });
  await window.call('runs.start', { id });
  const snapshot = () => window.call('runs.snapshot', { id });
  for (;;) {
    const { stages } = await snapshot();
    if ((stages.find((stage) => stage.id === 'base')?.work?.done ?? 0) > 20) break;
    await pause(500);
  }
  const { page } = window;
  const spans = [];
  for (let turn = 0; turn < turns; turn++) {
    for (const isOpen of turn % 2 === 0 ? [true, false] : [false, true]) {
      await page.goto(isOpen ? `${window.origin}/#/project/${id}/run` : 'about:blank');
      if (isOpen) await page.getByRole('list', { name: 'Stages' }).waitFor();
      await pause(SETTLE_MS);
      const from = Date.now();
      await pause(1000 * seconds);
      spans.push({ isOpen, from, to: Date.now() });
    }
  }
  await page.goto('about:blank');
  await window.call('runs.stop', { id });
  const clock = (await readFile(join(window.folder, 'training', 'stages', 'base', 'clock.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const rate = ({ from, to }) => {
    const inside = clock.filter(({ at }) => at >= from && at <= to);
    const [first, last] = [inside[0], inside.at(-1)];
    if (inside.length < 3) throw new Error('too few logged updates in a turn: give more SECONDS');
    return (1000 * (last.step - first.step)) / (last.at - first.at);
  };
  const rates = (isOpen) => spans.filter((span) => span.isOpen === isOpen).map(rate);
  const [open, closed] = [rates(true), rates(false)];
  const costs = open.map((value, turn) => 1 - value / closed[turn]);
  printResult({
    benchmark: 'training beside an open window',
    goalPercent: 2,
    costPercent: Number((100 * median(costs)).toFixed(2)),
    costPercentOfTurns: costs.map((cost) => Number((100 * cost).toFixed(2))),
    updatesPerSecond: { open: Number(median(open).toFixed(3)), closed: Number(median(closed).toFixed(3)) },
    turns,
    seconds,
  });
} finally {
  await window.close();
}
