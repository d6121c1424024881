#!/usr/bin/env node
// Soak of the queue: many small jobs, while the engine process and the program that runs the queue are killed at random moments
// (SIGKILL). At the end every job must have finished, none twice, and the memory of the program must not have grown with the jobs.
//
//   node test/fault/soak.mjs [--jobs 30] [--until STAGE] [--seed 1]
//
// Linux (it reads /proc). Prints one JSON document; exit code 1 where a promise is broken.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { configSchema } from '../../dist/src/contract/config.js';
import { createProject } from '../../dist/src/project/project.js';
import { makePictures } from './tinyPipeline.mjs';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '30' },
    until: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const JOBS = Number(values.jobs);
const ENTRY = resolve(import.meta.dirname, '../../build/stepadapt.mjs');
/** Kills of engines for each job at most: three in a row without progress would rightly end it. */
const KILLS_PER_JOB = 2;
/** On a slow machine a life of the program may end before it has done much. */
const MOST_HOST_KILLS = Math.ceil(JOBS / 3);
/** The last jobs run in one life of the program, for the slope of its memory. */
const UNDISTURBED = Math.ceil(JOBS / 2);

/** Numbers in 0..1 that follow from the seed (mulberry32). */
let state = Number(values.seed);
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const root = await mkdtemp(join(tmpdir(), 'stepadapt-soak-'));
const env = { ...process.env, STEPADAPT_HOME: join(root, 'home') };
const folders = [];
const pictures = join(root, 'pictures');
await makePictures(pictures);
for (let index = 0; index < JOBS; index++) {
  const config = configSchema.parse({
    seed: index,
    engine: 'wasm',
    data: { source: 'images', path: pictures, size: 8, channels: 1, count: 40 },
    model: { channels: 8, normGroups: 4, attention: [4] },
    diffusion: { timesteps: 50 },
    base: { steps: 30, batch: 4, warmup: 2, checkpointEvery: 5, sampleEvery: 15 },
    grouping: { groups: 2 },
    experts: { steps: 4, warmup: 1 },
    pruning: { evidence: 2, rounds: 1, proxySteps: 1, proxyImages: 4 },
    sampling: { steps: 5, batch: 4 },
    evaluation: { samples: 4 },
  });
  const name = `job-${String(index + 1).padStart(2, '0')}`;
  folders.push((await createProject(join(root, name), { preset: null, config })).folder);
}
const added = spawn(
  process.execPath,
  [ENTRY, 'queue', 'add', ...folders, ...(values.until === undefined ? [] : ['--until', values.until])],
  { env, stdio: ['ignore', 'ignore', 'inherit'] },
);
if ((await once(added, 'exit'))[0] !== 0) throw new Error('the jobs could not be queued');

/** How often a job reached each state, over all lives of the program. */
const finished = new Map(folders.map((_, index) => [`job-${String(index + 1).padStart(2, '0')}`, 0]));
const kills = { engine: 0, host: 0 };
const killsOf = new Map();
/** Memory of the program that runs the queue, MiB, at each end of a job in its last life. */
let memory = [];
const begun = performance.now();
let host = null;

function startHost() {
  memory = [];
  const child = spawn(process.execPath, [ENTRY, 'queue', 'run', '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const life = { child, ended: once(child, 'exit'), isOver: false, code: null, isAtWork: false };
  void life.ended.then(([code]) => Object.assign(life, { isOver: true, code }));
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const event = JSON.parse(line);
      // A program that is killed before it works shows nothing.
      life.isAtWork ||= event.type === 'progress';
      const name = event.type === 'log' ? /^(job-\d+): finished/.exec(event.message)?.[1] : undefined;
      if (name === undefined) continue;
      finished.set(name, finished.get(name) + 1);
      void residentMiB(child.pid).then((value) => value !== null && memory.push(value));
    }
  });
  return life;
}

async function residentMiB(pid) {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) / 1024;
}

/** Records of a project's jobs, oldest first. */
async function recordsOf(folder) {
  const names = (await readdir(join(folder, 'jobs')).catch(() => [])).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, 'jobs', name), 'utf8'))));
}

async function engineAtWork() {
  for (const folder of folders) {
    const running = (await recordsOf(folder).catch(() => [])).find((record) => record.process !== null);
    if (running?.state === 'running') return { folder, pid: running.process.pid };
  }
  return null;
}

const doneCount = () => [...finished.values()].filter((count) => count > 0).length;

host = startHost();
while (!host.isOver || doneCount() < JOBS) {
  if (host.isOver) {
    if (host.code === 0 || host.code === 1) break;
    host = startHost();
  }
  await Promise.race([sleep(500 + random() * 4000), host.ended]);
  if (host.isOver || !host.isAtWork || doneCount() >= JOBS - UNDISTURBED) continue;
  if (random() < 0.35 && kills.host < MOST_HOST_KILLS) {
    kills.host += 1;
    host.child.kill('SIGKILL');
    await host.ended;
    continue;
  }
  const engine = await engineAtWork();
  const before = killsOf.get(engine?.folder) ?? 0;
  if (engine === null || before >= KILLS_PER_JOB) continue;
  killsOf.set(engine.folder, before + 1);
  try {
    process.kill(engine.pid, 'SIGKILL');
    kills.engine += 1;
  } catch {
    // It ended by itself a moment ago.
  }
}

const records = await Promise.all(folders.map(recordsOf));
const steps = await Promise.all(
  folders.map(async (folder) =>
    (await readFile(join(folder, 'stages', 'base', 'metrics.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).step),
  ),
);
const endedOnce = records.filter((all) => all.filter(({ state: last }) => last === 'finished').length === 1).length;
const atWork = records.flat().filter(({ state: last }) => !['finished', 'failed', 'interrupted'].includes(last)).length;
const wholeCurves = steps.filter((all) => JSON.stringify(all) === JSON.stringify(all.map((_, at) => at + 1))).length;
const restarts = records.flat().reduce((sum, record) => sum + record.restarts.length, 0);

/** Least squares; the first jobs of a life fill caches. */
function slope(points) {
  const late = points.slice(Math.floor(points.length / 3));
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [x, y] = [mean(late.map((_, at) => at)), mean(late)];
  const over = late.reduce((sum, value, at) => sum + (at - x) * (value - y), 0);
  return over / late.reduce((sum, _, at) => sum + (at - x) ** 2, 0);
}

const result = {
  jobs: JOBS,
  finishedOnce: endedOnce,
  leftAtWork: atWork,
  lossCurvesWithoutGapOrRepeat: wholeCurves,
  enginesKilled: kills.engine,
  hostsKilled: kills.host,
  automaticRestarts: restarts,
  hostMiB: memory.map((value) => Math.round(value * 10) / 10),
  hostSlopeMiBPerJob: Math.round(slope(memory) * 1000) / 1000,
  minutes: Math.round((performance.now() - begun) / 6000) / 10,
};
console.log(JSON.stringify(result, null, 2));
const isKept = endedOnce === JOBS && atWork === 0 && wholeCurves === JOBS;
if (isKept) await rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
else {
  console.error(`a promise is broken; what is left lies in ${root}`);
  process.exitCode = 1;
}
