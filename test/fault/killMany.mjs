/**
 * Kills runs of a whole small pipeline with SIGKILL again and again and compares every result with an uninterrupted run's.
 *
 *     npm run setup && node test/fault/killMany.mjs --kills 200 [--seed 1] [--labelled]
 *
 * Half of the kills strike at a random file operation, in the middle of the bytes where it is a write; the others at a random
 * moment of the work. A project is killed up to six times in a row, each time going on from what was left, then run to its end.
 * With `--labelled` a feature network is trained too, which takes longer. Prints where the kills struck, and as its last line a JSON document. Exit status 1 if anything differs.
 */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { differences, makeTinyProject, resultsOf, runProgram, seededNumbers } from './tinyPipeline.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    labelled: { type: 'boolean' },
  },
});
const wanted = Number(values.kills);
const random = seededNumbers(Number(values.seed));
const KILLS_IN_A_ROW = 6;

const root = await mkdtemp(join(tmpdir(), 'stepadapt-kills-'));
try {
  process.exitCode = await study();
} finally {
  await rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

async function study() {
  const fresh = join(root, 'fresh');
  await makeTinyProject(fresh, { labelled: values.labelled });
  const straight = join(root, 'straight');
  await cp(fresh, straight, { recursive: true });
  const countTo = join(root, 'operations');
  let began = 0;
  const whole = await runProgram(['run', straight, '--json'], {
    faults: { countTo },
    onOutput: () => (began ||= performance.now()),
  });
  if (whole.code !== 0) throw new Error(whole.stdout.slice(-1000) + whole.stderr);
  const work = { operations: Number(await readFile(countTo, 'utf8')), ms: performance.now() - began };
  const expected = await resultsOf(straight);
  console.log(
    `one run: ${work.operations} file operations, ${(work.ms / 1000).toFixed(1)} s, ${Object.keys(expected).length} results`,
  );

  /** @type {Record<string, number>} */
  const struck = {};
  let kills = 0;
  let projects = 0;
  let unequal = 0;
  while (kills < wanted) {
    const project = join(root, `killed-${++projects}`);
    await cp(fresh, project, { recursive: true });
    let finished = false;
    for (let row = 0; row < KILLS_IN_A_ROW && kills < wanted && !finished; row++) {
      const run = await killedRun(project, work);
      finished = run.signal === null;
      if (finished && run.code !== 0) throw new Error(`${run.stdout.slice(-1000)}${run.stderr}`);
      if (finished) continue;
      kills++;
      struck[run.where] = (struck[run.where] ?? 0) + 1;
    }
    const last = finished ? { code: 0, stdout: '' } : await runProgram(['run', project, '--json']);
    const wrong =
      last.code === 0
        ? differences(expected, await resultsOf(project))
        : [`exit ${last.code}: ${last.stdout.slice(-500)}`];
    if (wrong.length > 0) {
      unequal++;
      console.log(`project ${projects} differs: ${wrong.join(', ')}`);
    }
    await rm(project, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    console.log(`${kills} of ${wanted} kills, ${projects} projects, ${projects - unequal} of them equal`);
  }
  for (const [where, count] of Object.entries(struck).sort()) console.log(`${where.padEnd(28)} ${count}`);
  console.log(JSON.stringify({ kills, projects, equal: projects - unequal, operations: work.operations, struck }));
  return unequal === 0 ? 0 : 1;
}

/**
 * A run with one kill ahead of it; it may end before the kill.
 * @param {string} project
 * @param {{ operations: number, ms: number }} work of an uninterrupted run
 */
async function killedRun(project, work) {
  // Of the whole: small enough that a project meets several kills before it ends.
  const share = random() * 0.35;
  const atWrite = random() < 0.5;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const run = await runProgram(['run', project, '--json'], {
    faults: atWrite ? { killAt: 1 + Math.floor(share * work.operations) } : {},
    onOutput: (_text, kill) => {
      if (!atWrite) timer ??= setTimeout(kill, share * work.ms);
    },
  });
  clearTimeout(timer);
  const stages = [...run.stdout.matchAll(/"type":"state","stage":"([^"]+)","state":"(\w+)"/g)];
  const [, stage, state] = stages.at(-1) ?? ['', 'start', 'running'];
  const place = state === 'running' ? stage : stage === 'evaluation' ? 'report' : `after ${stage}`;
  return { ...run, where: `${place}, ${atWrite ? 'file operation' : 'moment'}` };
}
