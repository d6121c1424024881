import { fork } from 'node:child_process';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fuzz, type FuzzResult } from './fuzzReader.js';
import { openReaders, READER_NAMES } from './readers.js';

/** Silence after which a reader counts as hung; a busy machine may hold a process up for some seconds. */
const HUNG_MS = 60_000;
/** No input may keep the program busy for longer. Processor time, because other programs may hold the machine. */
const MOST_MS = 1000;
/** Most memory of a reader's process, program and libraries (about 0.15 GiB) included. */
const MOST_BYTES = 2 ** 30;

interface Report extends FuzzResult {
  readonly peakBytes: number;
}

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    reader: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    child: { type: 'boolean', default: false },
  },
});
const [count, seed, from] = [Number(values.count), Number(values.seed), Number(values.from)];

if (values.child) await runHere(values.reader![0]);
else await runAll(values.reader ?? READER_NAMES);

/** One reader in this process, which is its own: memory is measured, and a hang can be ended. */
async function runHere(name: string): Promise<void> {
  const reader = await openReaders([name]);
  let told = 0;
  const onInput = async (index: number) => {
    const now = performance.now();
    if (now - told < 200) return;
    told = now;
    process.send!({ at: index });
    // Readers that never wait would keep the message back.
    await setImmediate();
  };
  const result = await fuzz(reader[0], { count, seed, from, onInput });
  await reader[0].close?.();
  const report: Report = { ...result, peakBytes: process.resourceUsage().maxRSS * 1024 };
  process.send!({ report }, undefined, undefined, () => process.exit());
}

async function runAll(names: readonly string[]): Promise<void> {
  const reports: Report[] = [];
  if (!values.json) console.log('reader                  inputs  refused accepted  slowest ms   peak MiB');
  for (const name of names) {
    const report = await runChild(name);
    reports.push(report);
    if (values.json) continue;
    const numbers = [
      report.inputs,
      report.refused,
      report.accepted,
      report.slowestMs.toFixed(0),
      (report.peakBytes / 2 ** 20).toFixed(0),
    ];
    const [inputs, refused, accepted, slowest, peak] = numbers.map(String);
    console.log(
      `${name.padEnd(20)} ${inputs.padStart(9)} ${refused.padStart(8)} ${accepted.padStart(8)} ${slowest.padStart(11)} ${peak.padStart(10)}`,
    );
    for (const { index, problem } of report.failures) console.log(`  input ${index} (--seed ${seed}): ${problem}`);
    if (report.slowestMs > MOST_MS)
      console.log(`  input ${report.slowestIndex} (--seed ${seed}) took more than ${MOST_MS} ms`);
    if (report.peakBytes > MOST_BYTES) console.log(`  more than ${MOST_BYTES / 2 ** 20} MiB`);
  }
  if (values.json) console.log(JSON.stringify(reports));
  const failed = reports.some(
    ({ failures, peakBytes, slowestMs }) => failures.length > 0 || peakBytes > MOST_BYTES || slowestMs > MOST_MS,
  );
  process.exitCode = failed ? 1 : 0;
}

function runChild(name: string): Promise<Report> {
  const args = [
    '--child',
    '--reader',
    name,
    ...['count', 'seed', 'from'].flatMap((key) => [`--${key}`, String(values[key as 'count'])]),
  ];
  const child = fork(process.argv[1], args);
  return new Promise((resolve) => {
    let last = from;
    let report: Report | null = null;
    const hung = () => child.kill('SIGKILL');
    // Loading the program may take long on a busy machine; the first word ends that.
    let timer = setTimeout(hung, 10 * HUNG_MS);
    child.on('message', (message: { at?: number; report?: Report }) => {
      clearTimeout(timer);
      timer = setTimeout(hung, HUNG_MS);
      last = message.at ?? last;
      report = message.report ?? report;
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const problem = `the process ended with ${signal ?? code} at this input or soon after`;
      const lost: FuzzResult = {
        reader: name,
        inputs: last - from,
        refused: 0,
        accepted: 0,
        slowestMs: 0,
        slowestIndex: last,
        failures: [{ index: last, problem }],
      };
      resolve(report ?? { ...lost, peakBytes: 0 });
    });
  });
}
