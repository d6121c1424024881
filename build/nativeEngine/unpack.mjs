// Takes the libraries and the few headers that the binding includes out of the wheels.
import { failureLine } from '../setup/processes.mjs';

/** @typedef {import('../setup/processes.mjs').RunProcess} RunProcess */

/**
 * What the binding's sources include, directly and indirectly. Everything keeps its place: TensorFlow finds NVIDIA's libraries
 * by `../nvidia/<name>/lib` from its own folder.
 */
const HEADERS = [
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/ctstring',
  'tensorflow/include/tsl/platform/ctstring',
  'tensorflow/include/xla/tsl/c/',
];
const NVIDIA = 'nvidia/';

/**
 * Python's zipfile reads what pip reads, so the set-up needs no unzip program. It restores no file modes; ptxas must be executable.
 * Prints the paths extracted, one a line.
 */
const SCRIPT = `
import os, sys, zipfile
wheel, target, prefixes = sys.argv[1], sys.argv[2], tuple(sys.argv[3:])
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        name = entry.filename
        if entry.is_dir() or not name.startswith(prefixes) or (name.startswith('nvidia/') and '/include/' in name):
            continue
        path = archive.extract(entry, target)
        mode = entry.external_attr >> 16 & 0o777
        if mode:
            os.chmod(path, mode | 0o600)
        print(name)
`;

/**
 * @param {object} options
 * @param {readonly string[]} options.wheels paths
 * @param {readonly string[]} options.libraries paths inside the wheels that must be found
 * @param {string} options.target folder
 * @param {string} options.python
 * @param {RunProcess} options.run
 * @returns {Promise<string[]>} paths of the libraries inside the target; headers are not listed
 * @throws {Error} if a wheel is damaged or lacks a library
 */
export async function unpackWheels({ wheels, libraries, target, python, run }) {
  /** @type {string[]} */
  const extracted = [];
  for (const wheel of wheels) {
    const result = await run(python, ['-c', SCRIPT, wheel, target, ...libraries, ...HEADERS, NVIDIA]);
    if (result.code !== 0) throw new Error(`a wheel could not be unpacked: ${failureLine(result)}`);
    extracted.push(...result.stdout.split(/\r?\n/).filter(Boolean));
  }
  const missing = libraries.find((library) => !extracted.includes(library));
  if (missing !== undefined) throw new Error(`the wheel does not hold ${missing}`);
  return extracted.filter((path) => !path.startsWith('tensorflow/include/'));
}
