/**
 * Times the way from starting `stepadapt run` to the first trained step, in fresh projects: elapsed seconds and, on Linux, the
 * processor time until then, which a busy machine disturbs less.
 *
 * Usage: node test/bench/startUp.mjs [--preset shapes-tiny] [--runs 5] [--set data.count=20000 ...]
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compile } from '../../build/compile.mjs';

const { values } = parseArgs({
  options: {
    preset: { type: 'string', default: 'shapes-tiny' },
    runs: { type: 'string', default: '5' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const program = fileURLToPath(new URL('../../build/stepadapt.mjs', import.meta.url));
await compile();
const results = [];
for (let run = 0; run < Number(values.runs); run++) results.push(await firstStep());
const middle = (part) => results.map((result) => result[part]).sort((a, b) => a - b)[results.length >> 1];
const least = (part) => Math.min(...results.map((result) => result[part]));
console.log(`to the first trained step: ${middle('seconds').toFixed(2)} s (least ${least('seconds').toFixed(2)} s)`);
if (process.platform === 'linux') console.log(`processor time until then: ${middle('processor').toFixed(2)} s`);

async function firstStep() {
  const folder = mkdtempSync(join(tmpdir(), 'stepadapt-start-'));
  // Of so few updates each one is told.
  const settings = ['base.steps=500', ...values.set].flatMap((setting) => ['--set', setting]);
  try {
    execFileSync(process.execPath, [program, 'new', join(folder, 'p'), '--preset', values.preset, ...settings]);
    const started = performance.now();
    const child = spawn(process.execPath, [program, 'run', join(folder, 'p'), '--until', 'base', '--json'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        const { type, stage, step } = JSON.parse(line);
        if (type !== 'metric' || stage !== 'base' || step !== 1) continue;
        return { seconds: (performance.now() - started) / 1000, processor: processorSeconds(child.pid) };
      }
      throw new Error('the run ended without a trained step');
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** User and system time of a process, in the 1/100 s of `proc(5)`. */
function processorSeconds(pid) {
  if (process.platform !== 'linux') return NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
