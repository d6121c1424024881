/**
 * Seconds saved of the MACs that pruning saves: forward passes of a network and of the same network pruned take turns. Times do not
 * depend on weights, so both are untrained; every width that may shrink keeps the same share.
 *
 * Usage: node test/bench/savedSeconds.mjs [--network cifar10|small|medium] [--batch 16] [--kept 0.8,0.6] [--multiple 16]
 *   [--steps 9] [--threads ALL]
 *   --kept       shares of the MACs that are left
 *   --multiple   of which pruned widths are multiples (`pruning.widthMultiple`)
 */
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { compile } from '../../build/compile.mjs';
import { engineProgram, takeTurns } from './workers.mjs';

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'cifar10' },
    batch: { type: 'string', default: '16' },
    kept: { type: 'string', default: '0.8,0.6' },
    multiple: { type: 'string', default: '16' },
    steps: { type: 'string', default: '9' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});
const work = {
  mode: 'forward',
  network: values.network,
  batch: Number(values.batch),
  multiple: Number(values.multiple),
};
const shares = values.kept.split(',').map(Number);
const [steps, threads] = [Number(values.steps), Number(values.threads)];

await compile();
const programs = { base: engineProgram(work) };
for (const kept of shares) programs[kept] = engineProgram({ ...work, kept });
const results = await takeTurns(programs, { steps, threads });
const base = results.get('base');
console.log(
  `${cpus()[0].model}, ${threads} threads, batch ${work.batch}, medians of ${steps}; base ${base.wallMs.toFixed(1)} ms`,
);
for (const kept of shares) {
  const { macs, wallMs, cpuMs } = results.get(String(kept));
  const [ofMacs, ofTime, ofProcessor] = [1 - macs / base.macs, 1 - wallMs / base.wallMs, 1 - cpuMs / base.cpuMs];
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  console.log(
    `${percent(ofMacs)} of the MACs saved: ${percent(ofTime)} of the time (${(ofTime / ofMacs).toFixed(2)}), ` +
      `${percent(ofProcessor)} of the processor time (${(ofProcessor / ofMacs).toFixed(2)})`,
  );
}
