/**
 * Times optimizer updates of the compiled step, the eager step and, where a Python with PyTorch is named, PyTorch. Each runs in a
 * process of its own, and they take turns update by update, so that a busy machine slows all of them alike.
 *
 * Usage: node test/bench/trainSteps.mjs [--network small|cifar10] [--batch 32] [--updates 7] [--dropout 0]
 *          [--threads ALL] [--python PATH]
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compile } from '../../build/compile.mjs';

const networks = {
  small: { channels: 32, multipliers: [1, 2], blocks: 1, attention: [8], normGroups: 8, size: 16 },
  cifar10: { channels: 128, multipliers: [1, 2, 2, 2], blocks: 2, attention: [16], normGroups: 32, size: 32 },
};
const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'small' },
    batch: { type: 'string', default: '32' },
    updates: { type: 'string', default: '7' },
    dropout: { type: 'string', default: '0' },
    threads: { type: 'string', default: String(availableParallelism()) },
    python: { type: 'string' },
    worker: { type: 'string' },
  },
});
const network = networks[values.network];
const batch = Number(values.batch);
const dropout = Number(values.dropout);

if (values.worker === undefined) await compare();
else await serve(values.worker);

async function compare() {
  await compile();
  const self = fileURLToPath(import.meta.url);
  const same = ['--network', values.network, '--batch', values.batch, '--dropout', values.dropout];
  const programs = {
    compiled: [process.execPath, [self, ...same, '--worker', 'compiled']],
    eager: [process.execPath, [self, ...same, '--worker', 'eager']],
    ...(values.python && { PyTorch: [values.python, torchArguments()] }),
  };
  const { threads } = values;
  const env = { ...process.env, TF_NUM_INTRAOP_THREADS: threads, TF_NUM_INTEROP_THREADS: threads };
  const workers = Object.entries(programs).map(([name, [command, args]]) => {
    const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
    return { name, child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), results: [] };
  });
  // The first update of each is not counted: by then all of them have started.
  for (let update = 0; update <= Number(values.updates); update++) {
    for (const { child, lines, results } of workers) {
      child.stdin.write('\n');
      results.push(JSON.parse((await lines.next()).value));
    }
  }
  for (const { name, child, results } of workers) {
    child.stdin.end();
    const middle = (part) =>
      results
        .slice(1)
        .map((result) => result[part])
        .sort((a, b) => a - b)[(results.length - 1) >> 1];
    const [wall, cpu] = [middle('wallMs'), middle('cpuMs')];
    const peak = results[results.length - 1].peakMb.toFixed(0);
    const speed = ((1000 * batch) / wall).toFixed(1);
    console.log(
      `${name}: ${speed} images/s, ${wall.toFixed(0)} ms, ${cpu.toFixed(0)} ms of processor time, ${peak} MB`,
    );
  }
}

function torchArguments() {
  return [
    fileURLToPath(new URL('torch_train.py', import.meta.url)),
    ...['--channels', network.channels, '--multipliers', ...network.multipliers, '--blocks', network.blocks],
    ...['--attention', ...network.attention, '--norm-groups', network.normGroups, '--dropout', dropout],
    ...['--size', network.size, '--batch', batch, '--threads', values.threads],
  ].map(String);
}

/** One update for each line of standard input. */
async function serve(kind) {
  const source = (path) => import(new URL(`../../dist/src/${path}.js`, import.meta.url));
  const { openEngine } = await source('tensor/openEngine');
  const { buildUNetSpec } = await source('model/buildSpec');
  const { initialiseWeights } = await source('model/initialise');
  const { freshOptimizerState } = await source('training/optimizerState');
  const { createTrainStep } = await source('training/createTrainStep');
  const { createEagerTrainStep } = await source('training/eagerTrainStep');
  const { randomNormal } = await source('tensor/random');
  const { peakRssBytes } = await source('tensor/memory');
  await openEngine('native');
  const model = { ...network, dropout, attentionHeads: 1, scaleShiftNorm: false };
  const spec = buildUNetSpec(model, { size: network.size, channels: 3 });
  const create = kind === 'compiled' ? createTrainStep : createEagerTrainStep;
  const step = create(spec, freshOptimizerState(initialiseWeights(spec, 0)));
  const normal = (stream) => randomNormal({ seed: 0, stream, index: 0 }, batch * network.size ** 2 * 3);
  const images = {
    count: batch,
    xt: normal('images'),
    target: normal('noise'),
    timesteps: Int32Array.from({ length: batch }, (_, i) => Math.floor((1000 * i) / batch)),
    weights: new Float32Array(batch).fill(1),
  };
  const dropoutKey = { seed: 0, stream: 'bench' };
  let update = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== '') return;
    update += 1;
    const [started, usage] = [performance.now(), process.cpuUsage()];
    step.update([images], { update, learningRate: 2e-4, emaDecay: 0.9999, clip: 1, dropoutKey });
    const { user, system } = process.cpuUsage(usage);
    const wallMs = performance.now() - started;
    console.log(JSON.stringify({ wallMs, cpuMs: (user + system) / 1000, peakMb: peakRssBytes() / 2 ** 20 }));
  }
}
