/**
 * Lets the disk be full after a random number of bytes, again and again, in runs of a whole small pipeline.
 *
 *     npm run setup && node test/fault/diskFull.mjs --times 100 [--seed 1]
 *
 * Each time the write that meets the limit fills what is left and then fails, as do all that follow. The run must end with exit
 * status 1 and the message DISK_FULL, leave a project that opens and whose finished files are intact, and with space again go
 * on to results that are equal byte for byte to an uninterrupted run's. The last line is a JSON document. Exit status 1 if not.
 */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { differences, makeTinyProject, resultsOf, runProgram, seededNumbers } from './tinyPipeline.mjs';

const { values } = parseArgs({
  options: { times: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const wanted = Number(values.times);
const random = seededNumbers(Number(values.seed));
/** Limits that one project meets in a row before it is run to its end. */
const LIMITS_IN_A_ROW = 6;

const root = await mkdtemp(join(tmpdir(), 'stepadapt-full-'));
try {
  process.exitCode = await study();
} finally {
  await rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

async function study() {
  const fresh = join(root, 'fresh');
  await makeTinyProject(fresh);
  const straight = join(root, 'straight');
  await cp(fresh, straight, { recursive: true });
  const countBytesTo = join(root, 'bytes');
  const whole = await runProgram(['run', straight, '--json'], { faults: { countBytesTo } });
  if (whole.code !== 0) throw new Error(whole.stdout.slice(-1000) + whole.stderr);
  const bytes = Number(await readFile(countBytesTo, 'utf8'));
  const expected = await resultsOf(straight);
  console.log(`one run writes ${bytes} bytes`);

  let times = 0;
  let clear = 0;
  let projects = 0;
  let equal = 0;
  while (times < wanted) {
    const project = join(root, `full-${++projects}`);
    await cp(fresh, project, { recursive: true });
    for (let row = 0; row < LIMITS_IN_A_ROW && times < wanted; row++) {
      const room = Math.floor(random() * 0.35 * bytes);
      const run = await runProgram(['run', project, '--json'], { faults: { room } });
      if (run.code === 0) break;
      times++;
      const wrong = await troubleWith(project, run);
      if (wrong === null) clear++;
      else console.log(`with room for ${room} bytes: ${wrong}`);
    }
    const last = await runProgram(['run', project, '--json']);
    const wrong =
      last.code === 0
        ? differences(expected, await resultsOf(project))
        : [`exit ${last.code}: ${last.stdout.slice(-500)}`];
    if (wrong.length === 0) equal++;
    else console.log(`project ${projects} differs: ${wrong.join(', ')}`);
    await rm(project, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    console.log(`${times} of ${wanted} times full, ${clear} clear, ${equal} of ${projects} projects equal`);
  }
  console.log(JSON.stringify({ times, clear, projects, equal }));
  return clear === times && equal === projects ? 0 : 1;
}

/**
 * @param {string} project
 * @param {Awaited<ReturnType<typeof runProgram>>} run that met the limit
 * @returns {Promise<string | null>} what is not as it should be
 */
async function troubleWith(project, run) {
  const last = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? 'null');
  if (run.code !== 1 || last?.error?.code !== 'DISK_FULL')
    return `exit ${run.code}: ${run.stdout.slice(-300)}${run.stderr.slice(-300)}`;
  if (!/free some space/.test(last.error.hint)) return `no advice: ${last.error.hint}`;
  const verified = await runProgram(['verify', project, '--json']);
  const { intact, findings } = JSON.parse(verified.stdout);
  return intact ? null : JSON.stringify(findings);
}
