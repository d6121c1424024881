// Compiles the Node add-on of @tensorflow/tfjs-node-gpu (its C++ sources are in the npm package) against a TensorFlow library.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { failureLine } from '../setup/processes.mjs';

/** @typedef {import('../setup/processes.mjs').RunProcess} RunProcess */

export const COMPILERS = ['g++', 'clang++', 'c++'];

/**
 * Where the npm packages hold what is compiled.
 * @param {string} root folder of node_modules
 * @returns {{ sources: string, nodeHeaders: string }}
 */
export function bindingInputs(root) {
  const modules = join(root, 'node_modules');
  return {
    sources: join(modules, '@tensorflow', 'tfjs-node-gpu', 'binding'),
    nodeHeaders: join(modules, 'node-api-headers', 'include'),
  };
}

/**
 * The compiler's arguments. The add-on finds the library relative to itself, so its folder can be prepared elsewhere.
 * @param {object} options
 * @param {string} options.platform as `process.platform`
 * @param {readonly string[]} options.libraries as in the variant
 * @param {string} options.folder the engine's folder; the add-on goes to `tfjs_binding.node` in it
 * @param {{ sources: string, nodeHeaders: string }} options.inputs
 * @returns {string[]}
 */
export function compilerArguments({ platform, libraries, folder, inputs }) {
  const macos = platform === 'darwin';
  const includes = [inputs.nodeHeaders, join(folder, 'tensorflow', 'include'), inputs.sources].map(
    (path) => `-I${path}`,
  );
  const defines = ['-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION'];
  // Node itself provides the N-API symbols when it loads the add-on.
  const kind = macos ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
  const origin = macos ? '@loader_path' : '$ORIGIN';
  return [
    ...['-std=c++17', '-O2', '-fPIC', ...defines, ...includes, ...kind],
    join(inputs.sources, 'tfjs_backend.cc'),
    join(inputs.sources, 'tfjs_binding.cc'),
    ...libraries.map((library) => join(folder, 'tensorflow', basename(library))),
    `-Wl,-rpath,${origin}/tensorflow`,
    ...['-o', join(folder, 'tfjs_binding.node')],
  ];
}

/**
 * Compiles the add-on and loads it once in a process of its own.
 * @param {object} options
 * @param {string} options.compiler
 * @param {string} options.platform
 * @param {string} options.root folder of node_modules
 * @param {string} options.folder the engine's folder
 * @param {{ libraries: readonly string[], tensorflow: string }} options.variant
 * @param {RunProcess} options.run
 * @throws {Error} if it does not compile or load
 */
export async function buildBinding({ compiler, platform, root, folder, variant, run }) {
  const inputs = bindingInputs(root);
  if (!existsSync(inputs.sources) || !existsSync(inputs.nodeHeaders)) {
    throw new Error('the npm packages @tensorflow/tfjs-node-gpu and node-api-headers are not installed');
  }
  const args = compilerArguments({ platform, libraries: variant.libraries, folder, inputs });
  const compiled = await run(compiler, args);
  if (compiled.code !== 0) throw new Error(`the add-on did not compile: ${failureLine(compiled)}`);
  const script = 'process.stdout.write(String(require(process.argv[1]).TF_Version))';
  const loaded = await run(process.execPath, ['-e', script, join(folder, 'tfjs_binding.node')]);
  if (loaded.code !== 0 || loaded.stdout !== variant.tensorflow) {
    throw new Error(`the library does not load on this machine: ${failureLine(loaded)}`);
  }
}
