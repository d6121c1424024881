/** The smallest experiment that passes through every stage, run in processes of its own; shared by the fault studies. */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { decodeNpz } from '../../dist/src/formats/npz.js';

const PRELOAD = resolve(import.meta.dirname, 'preloadFaults.mjs');
const PROGRAM = resolve(import.meta.dirname, '../../build/stepadapt.mjs');

/** Data, base, similarity, grouping, features, search, fine-tuning with chosen weights, uniform, sampling, evaluation, report. */
const SETTINGS = {
  engine: 'wasm',
  'data.size': 8,
  'data.channels': 1,
  'data.count': 40,
  'data.flip': true,
  'model.channels': 4,
  'model.multipliers': [1],
  'model.normGroups': 2,
  'model.attention': [],
  'model.dropout': 0.1,
  'diffusion.timesteps': 40,
  'base.steps': 6,
  'base.batch': 4,
  'base.microBatch': 3,
  'base.warmup': 2,
  'base.checkpointEvery': 2,
  'base.sampleEvery': 3,
  'grouping.method': 'dp-gradient',
  'grouping.groups': 2,
  'grouping.gradientPoints': 4,
  'grouping.gradientImages': 2,
  'budget.targetMean': 0.9,
  'experts.steps': 4,
  'experts.warmup': 1,
  'experts.outsideProbability': 0.2,
  'experts.evaluateEvery': 1,
  'experts.evaluateImages': 4,
  'pruning.evidence': 2,
  'pruning.rounds': 2,
  'pruning.proxySteps': 1,
  'pruning.proxyImages': 4,
  'sampling.steps': 4,
  'sampling.batch': 4,
  'evaluation.samples': 6,
};

/** Side and number of the pictures. */
const SIZE = 8;
const PICTURES = 40;

/**
 * Makes the project `p` in a folder, of its own small pictures or, `labelled`, of the embedded data, whose labels a feature
 * network is trained on: a thousand updates more.
 * @param {string} folder
 * @param {{ labelled?: boolean }} [options]
 */
export async function makeTinyProject(folder, { labelled = false } = {}) {
  const pictures = `${folder}-pictures`;
  if (!labelled) await makePictures(pictures);
  const settings = { ...SETTINGS, ...(!labelled && { 'data.source': 'images', 'data.path': pictures }) };
  const args = Object.entries(settings).flatMap(([field, value]) => [
    '--set',
    `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  ]);
  const made = await runProgram(['new', folder, '--name', 'p', ...args]);
  if (made.code !== 0) throw new Error(made.stderr);
}

/** Unlabelled pictures of 8x8 pixels, one channel: no feature network is trained for them. @param {string} folder */
export async function makePictures(folder) {
  await mkdir(folder, { recursive: true });
  const raw = { width: SIZE, height: SIZE, channels: /** @type {const} */ (1) };
  for (let index = 0; index < PICTURES; index++) {
    const pixels = Buffer.from(
      Array.from({ length: SIZE * SIZE }, (_, place) => (place * (index + 3) + 40 * index) % 256),
    );
    await sharp(pixels, { raw })
      .png()
      .toFile(join(folder, `${String(index).padStart(3, '0')}.png`));
  }
}

/**
 * Runs the command line.
 * @param {readonly string[]} args
 * @param {{ faults?: object, onOutput?: (text: string, kill: () => void) => void }} [options]
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
export function runProgram(args, { faults, onOutput } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ['--import', PRELOAD, PROGRAM, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, STEPADAPT_FAULTS: JSON.stringify(faults ?? {}) },
    });
    const text = { stdout: '', stderr: '' };
    for (const stream of /** @type {const} */ (['stdout', 'stderr'])) {
      child[stream].setEncoding('utf8').on('data', (/** @type {string} */ part) => {
        text[stream] += part;
        onOutput?.(part, () => child.kill('SIGKILL'));
      });
    }
    child.on('error', fail).on('close', (code, signal) => done({ code, signal, ...text }));
  });
}

/**
 * Everything that a run leaves behind, by path, except for times and memory: weights, metrics, searches, samples, measured values, and
 * the numbers and the list of files of its report.
 * @param {string} project
 * @returns {Promise<Record<string, string>>}
 */
export async function resultsOf(project) {
  /** @type {Record<string, string>} */
  const found = {};
  const entries = await readdir(join(project, 'stages'), { recursive: true, withFileTypes: true });
  for (const entry of entries.filter(
    (entry) => entry.isFile() && !['clock.jsonl', 'files.json'].includes(entry.name),
  )) {
    const path = join(entry.parentPath, entry.name);
    found[path.slice(project.length + 1)] = content(path, await readFile(path));
  }
  // A report that a kill cut off has a hidden name; it is removed when it is too old to have a writer.
  const reports = (await readdir(join(project, 'reports'))).filter((name) => !name.startsWith('.'));
  for (const [index, name] of reports.entries()) {
    const folder = join(project, 'reports', name);
    found[`report ${index}`] = (await readdir(folder, { recursive: true })).sort().join();
    found[`report ${index} values`] = content('report.json', await readFile(join(folder, 'report.json')));
  }
  return found;
}

/** @param {string} path @param {Buffer} bytes */
function content(path, bytes) {
  if (path.endsWith('.npz')) {
    return [...decodeNpz(bytes, path)]
      .filter(([name]) => name !== 'seconds')
      .map(([name, { shape, data }]) => `${name} ${shape.join()} ${data.join()}`)
      .join();
  }
  const isExact = path.includes('checkpoints') || path.endsWith('metrics.jsonl');
  if (isExact || !/\.jsonl?$/.test(path)) return bytes.toString('latin1');
  const texts = path.endsWith('.jsonl') ? bytes.toString().trim().split('\n') : [bytes.toString()];
  return texts.map((text) => JSON.stringify(JSON.parse(text, withoutTimes))).join('\n');
}

/** @param {string} name @param {unknown} value */
function withoutTimes(name, value) {
  // A report's sentence about measured time comes and goes with it, and leaves a hole in its list.
  if (Array.isArray(value)) return value.filter(() => true);
  const isSentence = typeof value === 'string' && value.startsWith('Measured sampling time');
  return isSentence || /seconds|^created|At$|RssBytes/i.test(name) ? undefined : value;
}

/** @param {Record<string, string>} expected @param {Record<string, string>} actual @returns {string[]} paths that differ */
export function differences(expected, actual) {
  const names = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  const different = [...names].filter((name) => expected[name] !== actual[name]);
  // A list of files is short enough to be shown.
  return different.map((name) =>
    /^report \d+$/.test(name) ? `${name}: ${actual[name]}, not ${expected[name]}` : name,
  );
}

/** Numbers in [0, 1) from a seed (mulberry32), so that a study can be repeated. @param {number} seed */
export function seededNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
