/**
 * Time of the Frechet distance at 2048 dimensions, here and as scipy's matrix square root computes it.
 *
 *     npm run compile && node test/bench/frechetBench.mjs [DIMENSIONS] [DECAY] [IMAGES]
 *
 * The variance of feature i falls as i^-DECAY (default 0): the faster, the closer the covariances are to singular. They are of low rank
 * with fewer IMAGES than dimensions (default 1.25 times as many).
 * Both sides get the same covariances of made-up features, through a file of statistics. `PYTHON` names a Python with scipy; without
 * one this side alone is timed. Both may use every core. The last line is a JSON document with both times and their ratio.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frechetDistance } from '../../dist/src/evaluation/frechet.js';
import { momentsOf, statisticsOf } from '../../dist/src/evaluation/gaussianStatistics.js';
import { encodeNpz } from '../../dist/src/formats/npz.js';
import { openEngine } from '../../dist/src/tensor/openEngine.js';
import { randomNormal } from '../../dist/src/tensor/random.js';

const dimensions = Number(process.argv[2] ?? 2048);
const decay = Number(process.argv[3] ?? 0);
const count = Number(process.argv[4] ?? Math.round(dimensions * 1.25));
const engine = await openEngine('auto');

/** Moments of correlated features. */
function moments(/** @type {number} */ index) {
  const features = Float64Array.from(
    randomNormal({ seed: 0, stream: 'frechet-bench', index }, count * dimensions),
    (value, place) => {
      const axis = place % dimensions;
      const deviation = (axis + 1) ** (-decay / 2);
      return deviation * (value * (1 + 0.2 * index) + Math.sin(axis) * Math.cos(place / dimensions));
    },
  );
  return momentsOf(statisticsOf(features, dimensions));
}

const [first, second] = [moments(0), moments(1)];
const started = performance.now();
const distance = frechetDistance(first, second);
const seconds = (performance.now() - started) / 1000;

const script = `
import sys, time, json, numpy as np, scipy.linalg
a, b = (np.load(f) for f in sys.argv[1:3])
started = time.time()
root = scipy.linalg.sqrtm(a["sigma"] @ b["sigma"])
value = ((a["mu"] - b["mu"]) ** 2).sum() + np.trace(a["sigma"]) + np.trace(b["sigma"]) - 2 * np.trace(root).real
print(json.dumps({"seconds": time.time() - started, "distance": float(value)}))
`;

/** @returns {{ seconds: number, distance: number } | null} */
function scipy() {
  const python = process.env['PYTHON'];
  if (python === undefined) return null;
  const folder = mkdtempSync(join(tmpdir(), 'stepadapt-bench-'));
  try {
    const files = [first, second].map(({ mean, covariance }, index) => {
      const file = join(folder, `${index}.npz`);
      const mu = /** @type {const} */ ({ dtype: '<f8', shape: [dimensions], data: mean });
      const sigma = /** @type {const} */ ({ dtype: '<f8', shape: [dimensions, dimensions], data: covariance });
      writeFileSync(file, encodeNpz({ mu, sigma }));
      return file;
    });
    return JSON.parse(execFileSync(python, ['-c', script, ...files], { encoding: 'utf8' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const reference = scipy();
console.log(
  JSON.stringify({
    dimensions,
    decay,
    images: count,
    engine: `${engine.id}, ${engine.version}`,
    threads: engine.threads,
    seconds,
    distance,
    ...(reference !== null && {
      scipy: reference,
      speedup: reference.seconds / seconds,
      relativeDifference: Math.abs(distance - reference.distance) / reference.distance,
    }),
  }),
);
