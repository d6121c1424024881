/**
 * Times updates and forward passes of the portable engine and of the native one, on one thread each, in turns: the ratios hold on a
 * busy machine too.
 *
 * Usage: node test/bench/engineRatio.mjs [--network small|cifar10] [--batch 32] [--rounds 5]
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compile } from '../../build/compile.mjs';

const networks = { small: 'shapes-tiny', cifar10: 'cifar10-ddpm' };
const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'small' },
    batch: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    worker: { type: 'string' },
  },
});

if (values.worker === undefined) await compare();
else await serve(values.worker);

async function compare() {
  await compile();
  const self = fileURLToPath(import.meta.url);
  const env = { ...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' };
  const workers = ['native', 'wasm'].map((engine) => {
    const args = [self, '--network', values.network, '--batch', values.batch, '--worker', engine];
    const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
    return { engine, child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), results: [] };
  });
  // The first round records and is not counted.
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const { child, lines, results } of workers) {
      child.stdin.write('\n');
      results.push(JSON.parse((await lines.next()).value));
    }
  }
  for (const { child } of workers) child.stdin.end();
  const [native, wasm] = workers.map(({ results }) => results.slice(1));
  for (const part of ['train', 'forward']) {
    for (const [name, results] of Object.entries({ native, wasm })) {
      console.log(`${part}, ${name}: ${median(results.map((result) => result[part])).toFixed(0)} ms of processor time`);
    }
    const ratio = median(wasm.map((result, round) => result[part] / native[round][part]));
    console.log(`${part}: the portable engine takes ${ratio.toFixed(1)} times as long`);
  }
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}

/** One update and one forward pass for each line of standard input. */
async function serve(engine) {
  const source = (path) => import(new URL(`../../dist/src/${path}.js`, import.meta.url));
  const { openEngine } = await source('tensor/openEngine');
  const { parseConfig } = await source('project/project');
  const { findPreset } = await source('pipeline/presets');
  const { designExperiment } = await source('pipeline/design');
  const { exampleBatch, exampleImages } = await source('pipeline/exampleBatch');
  const { initialiseWeights } = await source('model/initialise');
  const { freshOptimizerState } = await source('training/optimizerState');
  const { createTrainStep } = await source('training/createTrainStep');
  const { createNetworkDenoiser } = await source('sampling/networkDenoiser');
  await openEngine(engine);
  const { spec, objective } = designExperiment(parseConfig(findPreset(networks[values.network]).config));
  const batch = Number(values.batch);
  const weights = initialiseWeights(spec, 0);
  const step = createTrainStep(spec, freshOptimizerState(weights));
  const denoiser = createNetworkDenoiser(spec, weights, objective);
  const images = exampleBatch(spec, objective, batch);
  const noises = exampleImages(spec, batch);
  const settings = { learningRate: 1e-4, emaDecay: 0.99, clip: 1, dropoutKey: { seed: 0, stream: 'bench' } };
  let update = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== '') return;
    update += 1;
    const train = processorMs(() => step.update([images], { ...settings, update }));
    const forward = processorMs(() => denoiser.predict(noises, batch, 500));
    console.log(JSON.stringify({ train, forward }));
  }
}

function processorMs(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
