/**
 * Speed and memory of the evaluation's heavy parts beside the programs that people use for them, in turns:
 *
 *     node test/bench/evaluationBench.mjs features --python PYTHON [--batch 16] [--turns 5]    pytorch-fid
 *     node test/bench/evaluationBench.mjs kid --python PYTHON [--subsets 100] [--turns 3]                     torch-fidelity
 *
 * `features` puts the same random images of 32 x 32 through the Inception network with the same seeded random weights; `kid` takes 100
 * subsets of 1000 from 5000 features of 2048 dimensions on each side. PYTHON is one with `requirements-evaluation.txt`; without
 * it this side alone is timed. Both sides get all cores (`--threads N` for fewer). The last line is a JSON document.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compile } from '../../build/compile.mjs';
import { median, serveTurns, takeTurns } from './turns.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: 'string', default: '16' },
    turns: { type: 'string' },
    subsets: { type: 'string', default: '100' },
    threads: { type: 'string', default: String(availableParallelism()) },
    python: { type: 'string' },
    weights: { type: 'string' },
    cache: { type: 'string' },
    worker: { type: 'boolean', default: false },
  },
});
const what = positionals[0];
const batch = Number(values.batch);
const subsets = Number(values.subsets);
const SIZE = 32;
const KID_IMAGES = 5000;
const DIMENSIONS = 2048;
if (what !== 'features' && what !== 'kid') throw new Error('say what to measure: features or kid');

if (values.worker) await work();
else await compare();

function source(/** @type {string} */ path) {
  return import(new URL(`../../dist/src/${path}.js`, import.meta.url).href);
}

async function compare() {
  await compile();
  const folder = mkdtempSync(join(tmpdir(), 'stepadapt-bench-'));
  try {
    const torch = fileURLToPath(new URL('torch_evaluation.py', import.meta.url));
    const weights = join(folder, 'weights.pth');
    if (what === 'features') {
      if (values.python === undefined) throw new Error('name a Python with --python: it makes the random weights');
      const made = spawnSync(values.python, [torch, 'weights', '--file', weights], { stdio: 'inherit' });
      if (made.status !== 0 || !existsSync(weights)) throw new Error('no weights were made');
      // Here, so that the conversion, which happens once in the life of a machine, is part of no measurement.
      const { loadInceptionWeights } = await source('evaluation/inception/weights');
      await loadInceptionWeights(weights, { cacheFolder: folder });
    }
    const sizes = ['--batch', String(batch), '--subsets', String(subsets)];
    const self = fileURLToPath(import.meta.url);
    const other = what === 'features' ? 'pytorch-fid' : 'torch-fidelity';
    const torchArguments = [torch, what, ...sizes, '--file', weights, '--threads', values.threads];
    const turns = Number(values.turns ?? (what === 'features' ? 5 : 3));
    const results = await takeTurns(
      {
        stepadapt: [process.execPath, [self, what, ...sizes, '--weights', weights, '--cache', folder, '--worker']],
        ...(values.python !== undefined && { [other]: [values.python, torchArguments] }),
      },
      { turns, threads: Number(values.threads) },
    );
    report(results, other);
  } finally {
    rmSync(folder, { recursive: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** @param {Record<string, Record<string, number>[]>} results */
function report(results, /** @type {string} */ other) {
  const summary = Object.fromEntries(
    Object.entries(results).map(([name, turns]) => [
      name,
      {
        wallMs: median(turns.map(({ wallMs }) => wallMs)),
        cpuMs: median(turns.map(({ cpuMs }) => cpuMs)),
        peakMb: Math.max(...turns.map(({ peakMb }) => peakMb)),
        value: turns[0].value,
      },
    ]),
  );
  for (const [name, { wallMs, cpuMs, peakMb, value }] of Object.entries(summary)) {
    const speed = what === 'features' ? `${((1000 * batch) / wallMs).toFixed(2)} images/s, ` : '';
    console.log(
      `${name}: ${speed}${wallMs.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms of processor time, ${peakMb.toFixed(0)} MB, value ${value}`,
    );
  }
  const [ours, theirs] = [summary['stepadapt'], summary[other]];
  console.log(
    JSON.stringify({
      what,
      threads: Number(values.threads),
      ...summary,
      ...(theirs !== undefined && {
        timesAsFast: theirs.wallMs / ours.wallMs,
        timesAsFastByProcessorTime: theirs.cpuMs / ours.cpuMs,
        memoryRatio: ours.peakMb / theirs.peakMb,
      }),
    }),
  );
}

/** One turn for each line of standard input. `value` tells whether both sides computed the same. */
async function work() {
  const { openEngine } = await source('tensor/openEngine');
  await openEngine('native');
  const random = (/** @type {number} */ count, /** @type {number} */ seed) => {
    let state = seed;
    return Float32Array.from({ length: count }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    });
  };
  if (what === 'kid') {
    const { kernelDistance } = await source('evaluation/kernelDistance');
    const first = random(KID_IMAGES * DIMENSIONS, 1);
    const second = random(KID_IMAGES * DIMENSIONS, 2).map((value) => value * 1.1);
    await serveTurns(async () => ({
      value: (await kernelDistance({ first, second, dimensions: DIMENSIONS, subsets, subsetSize: 1000, seed: 0 })).mean,
    }));
    return;
  }
  const { loadInceptionWeights } = await source('evaluation/inception/weights');
  const { createInceptionExtractor } = await source('evaluation/inception/extractor');
  const weights = await loadInceptionWeights(values.weights, { cacheFolder: values.cache });
  const extractor = createInceptionExtractor(weights, { size: SIZE, channels: 3 }, DIMENSIONS, batch);
  const images = random(batch * SIZE * SIZE * 3, 1).map((value) => value * 2 - 1);
  await serveTurns(async () => {
    const features = await extractor.extract(images, batch);
    return { value: features.reduce((/** @type {number} */ sum, /** @type {number} */ x) => sum + x, 0) };
  });
}
