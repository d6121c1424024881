// Compiles our own operations (kernels/) into an add-on beside an installed engine's binding. An engine is whole without it: the
// operations are then composed of TensorFlow's, which is slower.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failureLine } from '../setup/processes.mjs';
import { bindingInputs } from './binding.mjs';

/** @typedef {import('../setup/processes.mjs').RunProcess} RunProcess */
/** @typedef {import('./store.mjs').Manifest} Manifest */

const SOURCES = fileURLToPath(new URL('kernels', import.meta.url));

/** The add-on's file name, which changes with the sources, so that a changed one never replaces one in use. */
export function kernelsFile() {
  const hash = createHash('sha256');
  for (const name of sourceFiles().sort()) hash.update(name).update(readFileSync(join(SOURCES, name)));
  return `stepadapt_kernels-${hash.digest('hex').slice(0, 12)}.node`;
}

/** @returns {string[]} */
function sourceFiles() {
  return readdirSync(SOURCES).filter((name) => /\.(cc|h)$/.test(name));
}

/**
 * Whether the engine has this checkout's kernels, or is one for which there are none: they are for processors alone.
 * @param {Manifest} engine
 */
export function hasKernels(engine) {
  return engine.device !== 'cpu' || (engine.kernels !== undefined && basename(engine.kernels) === kernelsFile());
}

/**
 * The compiler's arguments.
 * @param {object} options
 * @param {string} options.platform as `process.platform`
 * @param {string} options.arch as `process.arch`
 * @param {Manifest} options.engine
 * @param {string} options.nodeHeaders folder
 * @param {string} options.output
 * @returns {string[]}
 */
function kernelArguments({ platform, arch, engine, nodeHeaders, output }) {
  const macos = platform === 'darwin';
  const folder = dirname(engine.binding);
  const libraries = Object.keys(engine.files).filter((path) => /libtensorflow_(cc|framework)\./.test(path));
  const includes = [nodeHeaders, join(folder, 'tensorflow', 'include'), join(SOURCES, 'absent')];
  // Loops become vector code only where the compiler need not keep errno and floating-point exceptions as they would have been.
  const speed = [
    '-O3',
    '-fno-math-errno',
    '-fno-trapping-math',
    ...(arch === 'x64' ? ['-mprefer-vector-width=512'] : []),
  ];
  return [
    ...['-std=c++17', ...speed, '-fPIC', '-pthread', '-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION'],
    // Leaves out what c/kernels.h has for GPUs, whose headers the set-up does not unpack.
    '-DIS_SLIM_BUILD',
    ...includes.map((path) => `-I${path}`),
    ...(macos ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']),
    ...sourceFiles()
      .filter((name) => name.endsWith('.cc'))
      .map((name) => join(SOURCES, name)),
    ...libraries.map((path) => join(folder, path)),
    `-Wl,-rpath,${macos ? '@loader_path' : '$ORIGIN'}/tensorflow`,
    ...['-o', output],
  ];
}

/**
 * Compiles the add-on and loads it once in a process of its own, before the binding.
 * @param {object} options
 * @param {string} options.compiler
 * @param {string} options.platform
 * @param {string} options.arch
 * @param {string} options.root folder of node_modules
 * @param {Manifest} options.engine
 * @param {RunProcess} options.run
 * @returns {Promise<string>} its path, in the engine's folder
 * @throws {Error} if it does not compile or load; nothing is left behind
 */
export async function buildKernels({ compiler, platform, arch, root, engine, run }) {
  const place = join(dirname(engine.binding), kernelsFile());
  const output = `${place}.${process.pid}.tmp.node`;
  const { nodeHeaders } = bindingInputs(root);
  try {
    const compiled = await run(compiler, kernelArguments({ platform, arch, engine, nodeHeaders, output }));
    if (compiled.code !== 0) throw new Error(failureLine(compiled));
    const script = 'require(process.argv[1]); require(process.argv[2])';
    const loaded = await run(process.execPath, ['-e', script, output, engine.binding]);
    if (loaded.code !== 0) throw new Error(failureLine(loaded));
    renameSync(output, place);
    return place;
  } finally {
    rmSync(output, { force: true });
  }
}
