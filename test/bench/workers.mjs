/** Programs that take turns, step by step, so that a busy machine slows all of them alike. Each runs in a process of its own. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const networks = {
  small: { channels: 32, multipliers: [1, 2], blocks: 1, attention: [8], normGroups: 8, size: 16 },
  medium: { channels: 64, multipliers: [1, 2, 2], blocks: 1, attention: [16], normGroups: 32, size: 32 },
  cifar10: { channels: 128, multipliers: [1, 2, 2, 2], blocks: 2, attention: [16], normGroups: 32, size: 32 },
};

/**
 * This program's network.
 *
 * @param {object} work
 * @param {'train' | 'forward'} work.mode
 * @param {string} work.network name in `networks`
 * @param {number} work.batch
 * @param {'compiled' | 'eager'} [work.kind]
 * @param {'float32' | 'bfloat16'} [work.precision]
 * @param {boolean} [work.gradientCheckpointing]
 * @param {number} [work.dropout]
 * @param {number} [work.kept] share of the base's MACs that is left after pruning, without weights that were trained
 * @param {number} [work.multiple] of which pruned widths are multiples
 */
export function engineProgram(work) {
  const { kind = 'compiled', precision = 'float32', gradientCheckpointing = false, dropout = 0 } = work;
  const options = { ...work, kind, precision, gradientCheckpointing, dropout, network: networks[work.network] };
  return [process.execPath, [fileURLToPath(new URL('engineWorker.mjs', import.meta.url)), JSON.stringify(options)]];
}

/**
 * The same network in PyTorch.
 *
 * @param {string} python path of a Python with the packages of requirements.txt
 * @param {{ mode: 'train' | 'forward', network: string, batch: number, precision?: string, channelsLast?: boolean, dropout?: number }} work
 * @param {number} threads
 */
export function torchProgram(python, work, threads) {
  const { precision = 'float32', channelsLast = false, dropout = 0 } = work;
  const network = networks[work.network];
  const args = [
    ...[fileURLToPath(new URL('torch_worker.py', import.meta.url)), '--mode', work.mode, '--precision', precision],
    ...(channelsLast ? ['--channels-last'] : []),
    ...['--channels', network.channels, '--multipliers', ...network.multipliers, '--blocks', network.blocks],
    ...['--attention', ...network.attention, '--norm-groups', network.normGroups, '--dropout', dropout],
    ...['--size', network.size, '--batch', work.batch, '--threads', threads],
  ];
  return [python, args.map(String)];
}

/**
 * Lets programs take turns. The first step of each is not counted.
 *
 * @param {Record<string, [string, string[]]>} programs by name
 * @param {{ steps: number, threads: number }} options
 * @returns {Promise<Map<string, { wallMs: number, cpuMs: number, peakMb: number, wallTimes: number[], macs?: number }>>} medians; the
 *   peak of the whole life; MACs an image of this program's network
 */
export async function takeTurns(programs, { steps, threads }) {
  const count = String(threads);
  const env = { ...process.env, TF_NUM_INTRAOP_THREADS: count, TF_CPP_MIN_LOG_LEVEL: '3' };
  const workers = Object.entries(programs).map(([name, [command, args]]) => {
    const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const worker = { name, child, results: [], errors: '' };
    child.stderr.on('data', (text) => (worker.errors = (worker.errors + text).slice(-2000)));
    return { worker, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  try {
    for (let step = 0; step <= steps; step++) {
      for (const { worker, lines } of workers) {
        worker.child.stdin.write('\n');
        const { value, done } = await lines.next();
        if (done) throw new Error(`${worker.name} ended early: ${worker.errors}`);
        worker.results.push(JSON.parse(value));
      }
    }
  } finally {
    for (const { worker } of workers) worker.child.stdin.end();
  }
  return new Map(
    workers.map(({ worker: { name, results } }) => {
      const counted = results.slice(1);
      return [
        name,
        {
          wallMs: median(counted.map(({ wallMs }) => wallMs)),
          cpuMs: median(counted.map(({ cpuMs }) => cpuMs)),
          peakMb: results.at(-1).peakMb,
          macs: results[0].macs,
          wallTimes: counted.map(({ wallMs }) => wallMs),
        },
      ];
    }),
  );
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** One program's line. */
export function describe(name, { wallMs, cpuMs, peakMb }, batch) {
  const speed = ((1000 * batch) / wallMs).toFixed(2);
  return `${name}: ${speed} images/s, ${wallMs.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms of processor time, ${peakMb.toFixed(0)} MB`;
}
