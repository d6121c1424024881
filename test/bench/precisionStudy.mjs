/**
 * Whether bfloat16 trains as well as float32: the small preset in both, with the same seeds; the base's loss along the run and the
 * distances of the samples, mean and spread over seeds. Goes on where it was stopped; with 900 steps some 25 minutes of one core.
 *
 * Usage: node test/bench/precisionStudy.mjs FOLDER [--seeds 3] [--steps 400] [--samples 256]
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '400' },
    samples: { type: 'string', default: '256' },
  },
});
if (positionals.length !== 1) throw new Error('name one folder for the projects');
const folder = resolve(positionals[0]);
const [steps, samples] = [Number(values.steps), Number(values.samples)];
const seeds = Array.from({ length: Number(values.seeds) }, (_, seed) => seed);
const precisions = ['float32', 'bfloat16'];

mkdirSync(folder, { recursive: true });
const file = join(folder, 'precision.json');
const sweep = {
  base: 'shapes-tiny',
  set: {
    engine: 'native',
    'base.steps': steps,
    'base.sampleEvery': 0,
    'pruning.rounds': 0,
    'experts.steps': Math.ceil(steps / 10),
    'evaluation.uniformBaseline': false,
    'evaluation.samples': samples,
  },
  vary: { precision: precisions, seed: seeds },
  folder: 'projects',
};
writeFileSync(file, JSON.stringify(sweep, null, 2));
const program = fileURLToPath(new URL('../../build/stepadapt.mjs', import.meta.url));
const { status } = spawnSync(process.execPath, [program, 'sweep', file], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

console.log("\nbase's training loss, mean over a tenth of the run (standard deviation over seeds)");
const curves = precisions.map((precision) => seeds.map((seed) => lossCurve(precision, seed)));
for (let tenth = 0; tenth < 10; tenth++) {
  const columns = curves.map(
    (ofPrecision, index) => `${precisions[index]} ${spread(ofPrecision.map((curve) => curve[tenth]))}`,
  );
  console.log(`updates to ${Math.round(((tenth + 1) * steps) / 10)}: ${columns.join('   ')}`);
}

/** Mean loss in each tenth of a run. */
function lossCurve(precision, seed) {
  const path = join(folder, 'projects', `precision=${precision}_seed=${seed}`, 'stages', 'base', 'metrics.jsonl');
  const lines = readFileSync(path, 'utf8').trim().split('\n').map(JSON.parse);
  return Array.from({ length: 10 }, (_, tenth) => {
    const losses = lines.filter(({ step }) => Math.ceil((step * 10) / steps) === tenth + 1).map(({ loss }) => loss);
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  });
}

function spread(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return `${mean.toFixed(5)} (${Math.sqrt(variance).toFixed(5)})`;
}
