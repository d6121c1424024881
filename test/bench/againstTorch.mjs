/**
 * Speed and memory against PyTorch on the same network, batch and threads: each row's programs take turns step by step, PyTorch in
 * both memory formats, of which the faster one counts. Prints every program and then the ratios.
 *
 * Usage: node test/bench/againstTorch.mjs --python PATH [--steps 5] [--threads ALL] [--only TEXT] [--json]
 *   --only   rows whose name contains the text, such as "batch 4"
 */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { compile } from '../../build/compile.mjs';
import { describe, engineProgram, takeTurns, torchProgram } from './workers.mjs';

const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    steps: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
});
if (values.python === undefined)
  throw new Error('--python PATH names a Python with test/bench/requirements.txt installed');
const [steps, threads] = [Number(values.steps), Number(values.threads)];

/** What is compared, and the ratio that is aimed at. */
const rows = [
  {
    name: 'train, 35.7 M, batch 16',
    work: { mode: 'train', network: 'cifar10', batch: 16 },
    bfloat16: true,
    goals: { float32: 1, memory: 1, bfloat16: 1.6, autocast: 1 },
  },
  { name: 'train, 35.7 M, batch 4', work: { mode: 'train', network: 'cifar10', batch: 4 }, goals: { float32: 1.1 } },
  {
    name: 'train, 32 channels, batch 64',
    work: { mode: 'train', network: 'small', batch: 64 },
    goals: { float32: 1.35 },
  },
  {
    name: 'forward, 35.7 M, batch 16',
    work: { mode: 'forward', network: 'cifar10', batch: 16 },
    bfloat16: true,
    goals: { float32: 1, bfloat16: 1.6 },
  },
];

await compile();
const ratios = [];
const programs = [];
for (const row of rows.filter(({ name }) => name.includes(values.only))) {
  const results = await takeTurns(programsOf(row), { steps, threads });
  for (const [name, result] of results) {
    programs.push({ row: row.name, name, ...result });
    if (!values.json) console.log(describe(`${row.name}: ${name}`, result, row.work.batch));
  }
  ratios.push(...ratiosOf(row, results));
}
if (values.json) {
  console.log(JSON.stringify({ processor: cpus()[0].model, threads, steps, ratios, programs }, null, 2));
} else {
  console.log(`\n${cpus()[0].model}, ${threads} threads, medians of ${steps}`);
  for (const { name, ratio, goal } of ratios) {
    console.log(`${name}: ${ratio.toFixed(2)}${goal === undefined ? '' : ` (goal ${goal})`}`);
  }
}

function programsOf({ work, bfloat16 }) {
  const precisions = bfloat16 ? ['float32', 'bfloat16'] : ['float32'];
  return Object.fromEntries(
    precisions.flatMap((precision) => [
      [`StepAdapt ${precision}`, engineProgram({ ...work, precision })],
      [`PyTorch ${precision}`, torchProgram(values.python, { ...work, precision }, threads)],
      [
        `PyTorch ${precision}, channels last`,
        torchProgram(values.python, { ...work, precision, channelsLast: true }, threads),
      ],
    ]),
  );
}

/** How many times as fast as the faster memory format of PyTorch; for memory, PyTorch's smaller peak over ours. */
function ratiosOf({ name, bfloat16, goals }, results) {
  const best = (precision, part) =>
    Math.min(...['', ', channels last'].map((format) => results.get(`PyTorch ${precision}${format}`)[part]));
  const [single, half] = [results.get('StepAdapt float32'), results.get('StepAdapt bfloat16')];
  return [
    { name: `${name}, float32 against float32`, ratio: best('float32', 'wallMs') / single.wallMs, goal: goals.float32 },
    {
      name: `${name}, memory in float32, PyTorch's over ours`,
      ratio: best('float32', 'peakMb') / single.peakMb,
      goal: goals.memory,
    },
    ...(bfloat16
      ? [
          {
            name: `${name}, bfloat16 against float32`,
            ratio: best('float32', 'wallMs') / half.wallMs,
            goal: goals.bfloat16,
          },
          {
            name: `${name}, bfloat16 against autocast`,
            ratio: best('bfloat16', 'wallMs') / half.wallMs,
            goal: goals.autocast,
          },
          { name: `${name}, memory in bfloat16, PyTorch's over ours`, ratio: best('bfloat16', 'peakMb') / half.peakMb },
        ]
      : []),
  ];
}
