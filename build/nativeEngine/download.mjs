// Downloads wheels through pip, which knows the user's index, proxy and certificates, and checks every hash.
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { announcedBytes, downloadLine } from '../setup/progress.mjs';
import { failureLine } from '../setup/processes.mjs';

/**
 * @typedef {import('./variants.mjs').Wheel} Wheel
 * @typedef {import('../setup/processes.mjs').RunProcess} RunProcess
 * @typedef {import('../setup/progress.mjs').Progress} Progress
 */

const POLL_MS = 500;
/** Older ones do not know the wheels' platform tags. */
const OLDEST_PIP = '20.3';

/**
 * Says why this Python cannot download wheels, or null if it can.
 * @param {RunProcess} run
 * @param {string} python
 * @returns {Promise<string | null>}
 */
export async function pipProblem(run, python) {
  const result = await run(python, ['-m', 'pip', '--version']);
  const version = /^pip (\S+)/.exec(result.stdout)?.[1];
  if (result.code !== 0 || version === undefined) return `${python} has no pip`;
  const usable = version.localeCompare(OLDEST_PIP, 'en', { numeric: true }) >= 0;
  return usable ? null : `pip ${version} is older than ${OLDEST_PIP}`;
}

/**
 * Arguments for pip. The Python version is that of the wheel, not that of the Python that runs pip: nothing is installed.
 * @param {Wheel} wheel
 * @param {string} requirements path of the requirements file
 * @param {string} destination
 * @returns {string[]}
 */
export function pipArguments(wheel, requirements, destination) {
  const target = ['--platform', wheel.platform, '--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'];
  const behaviour = ['--no-input', '--progress-bar', 'off', '--retries', '2', '--no-cache-dir'];
  const what = ['--no-deps', '--only-binary=:all:', '--require-hashes', '--requirement', requirements];
  return ['-m', 'pip', 'download', ...what, ...target, ...behaviour, '--dest', destination];
}

/**
 * Makes sure that all wheels lie in `folder`. Those that an interrupted set-up left there are used if their hash is right.
 * @param {object} options
 * @param {readonly Wheel[]} options.wheels
 * @param {string} options.folder
 * @param {string} options.python
 * @param {RunProcess} options.run
 * @param {Progress} options.progress
 * @returns {Promise<string[]>} paths of the wheels, in order
 * @throws {Error} if one cannot be had
 */
export async function downloadWheels({ wheels, folder, python, run, progress }) {
  mkdirSync(folder, { recursive: true });
  const paths = [];
  for (const [index, wheel] of wheels.entries()) {
    const path = join(folder, wheel.file);
    if ((await fileHash(path)) !== wheel.sha256) {
      const what = `${wheel.project} ${wheel.version} (${index + 1} of ${wheels.length})`;
      await downloadWheel({ wheel, path, python, run, show: (state) => progress.update(downloadLine(what, state)) });
    }
    paths.push(path);
  }
  return paths;
}

/**
 * @param {object} options
 * @param {Wheel} options.wheel
 * @param {string} options.path
 * @param {string} options.python
 * @param {RunProcess} options.run
 * @param {(state: { bytes: number, totalBytes: number | null, seconds: number }) => void} options.show
 */
async function downloadWheel({ wheel, path, python, run, show }) {
  // pip writes to its temporary folder first: this one, so that its growth can be watched and its rest be removed.
  const temporary = `${path}.partial`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  const requirements = join(temporary, 'requirements.txt');
  writeFileSync(requirements, `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  const startedAt = Date.now();
  let output = '';
  const watch = setInterval(() => {
    const seconds = (Date.now() - startedAt) / 1000;
    show({ bytes: folderBytes(temporary), totalBytes: announcedBytes(output), seconds });
  }, POLL_MS);
  try {
    const result = await run(python, pipArguments(wheel, requirements, join(temporary, 'done')), {
      env: { ...process.env, TMPDIR: temporary, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      onStdout: (text) => (output += text),
    });
    if (result.code !== 0) throw new Error(`${wheel.project} could not be downloaded: ${pipFailure(result)}`);
    renameSync(join(temporary, 'done', wheel.file), path);
  } finally {
    clearInterval(watch);
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * pip's last word is "no matching distribution" even if it never reached the index; the reason stands in its warnings.
 * @param {import('../setup/processes.mjs').ProcessResult} result
 * @returns {string}
 */
export function pipFailure(result) {
  const unreachable = /NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError/;
  return unreachable.test(result.stderr) ? 'the package index cannot be reached' : failureLine(result);
}

/** @type {(folder: string) => number} */
function folderBytes(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    try {
      if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
    } catch {
      // pip moved it meanwhile.
    }
  }
  return bytes;
}

/** @type {(path: string) => Promise<string | null>} */
async function fileHash(path) {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    return hash.digest('hex');
  } catch {
    return null;
  }
}
