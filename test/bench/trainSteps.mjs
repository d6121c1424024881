/**
 * Times optimizer updates of the compiled step, the eager step and, where a Python with PyTorch is named, PyTorch, which take turns
 * update by update. `againstTorch.mjs` prints the table of all comparisons with PyTorch.
 *
 * Usage: node test/bench/trainSteps.mjs [--network small|cifar10] [--batch 32] [--updates 7] [--dropout 0]
 *          [--precision float32|bfloat16] [--checkpointing] [--threads ALL] [--python PATH]
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { compile } from '../../build/compile.mjs';
import { describe, engineProgram, takeTurns, torchProgram } from './workers.mjs';

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'small' },
    batch: { type: 'string', default: '32' },
    updates: { type: 'string', default: '7' },
    dropout: { type: 'string', default: '0' },
    precision: { type: 'string', default: 'float32' },
    checkpointing: { type: 'boolean', default: false },
    threads: { type: 'string', default: String(availableParallelism()) },
    python: { type: 'string' },
  },
});
const { network, precision, checkpointing: gradientCheckpointing } = values;
const [batch, threads] = [Number(values.batch), Number(values.threads)];
const work = { mode: 'train', network, batch, precision, dropout: Number(values.dropout) };

await compile();
const results = await takeTurns(
  {
    compiled: engineProgram({ ...work, gradientCheckpointing }),
    eager: engineProgram({ ...work, gradientCheckpointing, kind: 'eager' }),
    ...(values.python && {
      PyTorch: torchProgram(values.python, work, threads),
      'PyTorch, channels last': torchProgram(values.python, { ...work, channelsLast: true }, threads),
    }),
  },
  { steps: Number(values.updates), threads },
);
for (const [name, result] of results) console.log(describe(name, result, batch));
