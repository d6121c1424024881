/**
 * Optimizer updates or forward passes of this program's network: one for each line of standard input, whose times are printed, so
 * that several programs can take turns (workers.mjs). Arguments: one JSON object, see `engineProgram` in workers.mjs.
 */
import { createInterface } from 'node:readline';

const { mode, kind, precision, gradientCheckpointing, network, batch, dropout, kept, multiple } = JSON.parse(
  process.argv[2],
);
const source = (path) => import(new URL(`../../dist/src/${path}.js`, import.meta.url));
const { pruningSchema } = await source('contract/config');
const { allocateWidths, keepIndices } = await source('method/allocation');
const { rankChannels } = await source('method/channelRanking');
const { magnitudeImportance } = await source('method/importance');
const { prunableWidths } = await source('model/prunableWidths');
const { sliceModel } = await source('model/sliceModel');
const { openEngine } = await source('tensor/openEngine');
const { buildUNetSpec } = await source('model/buildSpec');
const { countModel } = await source('model/countModel');
const { initialiseWeights } = await source('model/initialise');
const { freshOptimizerState } = await source('training/optimizerState');
const { createTrainStep } = await source('training/createTrainStep');
const { createEagerTrainStep } = await source('training/eagerTrainStep');
const { createNetworkDenoiser } = await source('sampling/networkDenoiser');
const { noiseSchedule } = await source('diffusion/noiseSchedule');
const { randomNormal } = await source('tensor/random');
const { peakRssBytes } = await source('tensor/memory');

const model = { ...network, dropout, attentionHeads: 1, scaleShiftNorm: false };
const base = buildUNetSpec(model, { size: network.size, channels: 3 });
await openEngine('native', { parameters: countModel(base).parameters, images: batch });
const spec = kept === undefined ? base : pruned();
const normal = (stream) => randomNormal({ seed: 0, stream, index: 0 }, batch * network.size ** 2 * 3);
const warn = (message) => {
  throw new Error(message);
};
const step = mode === 'train' ? training() : sampling();

let update = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== '') break;
  update += 1;
  const [started, usage] = [performance.now(), process.cpuUsage()];
  step(update);
  const { user, system } = process.cpuUsage(usage);
  const wallMs = performance.now() - started;
  console.log(
    JSON.stringify({
      macs: countModel(spec).macs,
      wallMs,
      cpuMs: (user + system) / 1000,
      peakMb: peakRssBytes() / 2 ** 20,
    }),
  );
}

/** The base with `kept` of its MACs, the same share of every width that may shrink; widths are multiples of `multiple`. */
function pruned() {
  const rule = pruningSchema.parse({ widthMultiple: multiple });
  const weights = initialiseWeights(base, 0);
  const widths = prunableWidths(base, rule);
  const scores = magnitudeImportance(widths, weights, 'l2');
  const targetMacs = kept * countModel(base).macs;
  const allocation = allocateWidths({ spec: base, scores, targetMacs, method: 'uniform', rule });
  return sliceModel(base, weights, keepIndices(rankChannels(widths, scores), allocation.widths), rule).spec;
}

function training() {
  const create = kind === 'eager' ? createEagerTrainStep : createTrainStep;
  const initial = freshOptimizerState(initialiseWeights(spec, 0));
  const trainStep = create(spec, initial, { precision, gradientCheckpointing, warn });
  const images = {
    count: batch,
    xt: normal('images'),
    target: normal('noise'),
    timesteps: Int32Array.from({ length: batch }, (_, i) => Math.floor((1000 * i) / batch)),
    weights: new Float32Array(batch).fill(1),
  };
  const settings = { learningRate: 2e-4, emaDecay: 0.9999, clip: 1, dropoutKey: { seed: 0, stream: 'bench' } };
  return (update) => trainStep.update([images], { update, ...settings });
}

function sampling() {
  const schedule = noiseSchedule({ schedule: 'linear', timesteps: 1000, zeroTerminalSnr: false });
  const meaning = { schedule, prediction: 'epsilon', precision };
  const denoiser = createNetworkDenoiser(spec, initialiseWeights(spec, 0), meaning, warn);
  const images = normal('images');
  return (update) => denoiser.predict(images, batch, update % 1000);
}
