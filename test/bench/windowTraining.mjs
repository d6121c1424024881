/**
 * What an open window costs a training on the same machine.
 *
 *     node test/bench/windowTraining.mjs [TURNS] [SECONDS]
 *
 * Five minutes. One training runs all the while; the window shows its run, then an empty page, in turns, so that a slower
 * minute of the machine meets both. Updates a second are counted from the training's own clock (`clock.jsonl`). The goal is a
 * cost under 2 %. The browser draws without a graphics card here, on the cores that train: the cost is an upper bound.
 *
 * `processorPercent` is what the processes of the window (host and browser, not the training) take of all cores, in those turns
 * and in each place of the window. It varies far less than the updates do, on a busy machine above all.
 */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { median, openWindow, printResult, windowProcessorSeconds } from './openWindow.mjs';

const turns = Number(process.argv[2] ?? 10);
const seconds = Number(process.argv[3] ?? 10);
const SETTLE_MS = 1500;
const PLACES = { start: '', design: 'design', run: 'run', experts: 'experts', results: 'results' };

/** What the window takes of all cores, per cent, measured for one turn; null where it cannot be told. */
async function processorPercent() {
  const before = windowProcessorSeconds();
  const started = performance.now();
  await pause(1000 * seconds);
  if (before === null) return null;
  const elapsed = (performance.now() - started) / 1000;
  return (100 * (windowProcessorSeconds() - before)) / (elapsed * cpus().length);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const window = await openWindow();
try {
  const made = await window.call('projects.create', { name: 'training', preset: 'shapes-tiny' });
  const { id } = made;
  // A training logs a thousand lines in all: with so many steps every fourth update, often enough for turns of some seconds.
  const base = { ...made.config.base, steps: 4000, batch: 32, checkpointEvery: 4000, sampleEvery: 0 };
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
      const processor = await processorPercent();
      const to = Date.now();
      spans.push({ isOpen, from: to - 1000 * seconds, to, processor });
    }
  }
  const places = {};
  for (const [place, path] of Object.entries(PLACES)) {
    await page.goto(`${window.origin}/?${place}#${path === '' ? '/' : `/project/${id}/${path}`}`);
    await pause(2 * SETTLE_MS);
    places[place] = await processorPercent();
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
  const rounded = (value) => (value === null ? null : Number(value.toFixed(2)));
  const processor = (isOpen) =>
    rounded(median(spans.filter((span) => span.isOpen === isOpen).map((span) => span.processor)));
  // Two turns with the order changed are one measurement: what came first or last in each cancels out.
  const ofTurns = open.map((value, turn) => 1 - value / closed[turn]);
  const costs = ofTurns.flatMap((cost, turn) => (turn % 2 === 1 ? [(ofTurns[turn - 1] + cost) / 2] : []));
  printResult({
    benchmark: 'training beside an open window',
    goalPercent: 2,
    costPercent: rounded(100 * median(costs)),
    costPercentOfTurns: ofTurns.map((cost) => rounded(100 * cost)),
    updatesPerSecond: { open: rounded(median(open)), closed: rounded(median(closed)) },
    processorPercent: {
      open: processor(true),
      closed: processor(false),
      openOfTurns: spans.filter(({ isOpen }) => isOpen).map(({ processor }) => rounded(processor)),
      places: Object.fromEntries(Object.entries(places).map(([place, value]) => [place, rounded(value)])),
    },
    turns,
    seconds,
  });
} finally {
  await window.close();
}
