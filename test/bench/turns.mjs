import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * Lets programs take turns, one line of standard input a turn, so that a busy machine slows all of them alike. Each answers a
 * turn with one line of JSON that has `wallMs`, `cpuMs` and `peakMb`; the first turn of each, before which it starts up, is
 * left out.
 *
 * @param {Readonly<Record<string, readonly [string, readonly string[]]>>} programs command and arguments by name
 * @param {{ turns: number, threads: number }} options
 * @returns {Promise<Record<string, Record<string, number>[]>>} results of the counted turns by name
 */
export async function takeTurns(programs, { turns, threads }) {
  const count = String(threads);
  const quiet = { TF_CPP_MIN_LOG_LEVEL: '3' };
  const env = {
    ...process.env,
    ...quiet,
    TF_NUM_INTRAOP_THREADS: count,
    TF_NUM_INTEROP_THREADS: count,
    OMP_NUM_THREADS: count,
  };
  const workers = Object.entries(programs).map(([name, [command, args]]) => {
    const child = spawn(command, [...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { name, child, lines, results: /** @type {Record<string, number>[]} */ ([]) };
  });
  for (let turn = 0; turn <= turns; turn += 1) {
    for (const { name, child, lines, results } of workers) {
      child.stdin.write('\n');
      const line = await lines.next();
      if (line.done === true) throw new Error(`${name} ended before its turn`);
      if (turn > 0) results.push(JSON.parse(line.value));
    }
  }
  for (const { child } of workers) child.stdin.end();
  return Object.fromEntries(workers.map(({ name, results }) => [name, results]));
}

/** Does `work` for each empty line of standard input, and answers with what it took and what it returns. */
export async function serveTurns(/** @type {() => Promise<Record<string, number>>} */ work) {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== '') return;
    const [started, usage] = [performance.now(), process.cpuUsage()];
    const result = await work();
    const { user, system } = process.cpuUsage(usage);
    const wallMs = performance.now() - started;
    const peakMb = process.resourceUsage().maxRSS / 1024;
    console.log(JSON.stringify({ ...result, wallMs, cpuMs: (user + system) / 1000, peakMb }));
  }
}

/** @returns {number} */
export function median(/** @type {readonly number[]} */ values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
