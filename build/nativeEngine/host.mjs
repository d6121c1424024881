// What the set-up must know about this machine to choose an engine.
import { failureLine, findProgram } from '../setup/processes.mjs';
import { pipProblem } from './download.mjs';
import { COMPILERS } from './binding.mjs';

/** @typedef {import('../setup/processes.mjs').RunProcess} RunProcess */

/** @typedef {Omit<import('./variants.mjs').Host, 'nvidia'>} Machine */

/** @returns {Machine} */
export function thisMachine() {
  return { platform: process.platform, arch: process.arch, glibc: glibcVersion() };
}

/** @type {() => string | null} */
function glibcVersion() {
  if (process.platform !== 'linux' || process.report === undefined) return null;
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header?.glibcVersionRuntime ?? null;
}

/**
 * Whether NVIDIA's driver lists a GPU.
 * @param {RunProcess} run
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<boolean>}
 */
export async function hasNvidiaGpu(run, env) {
  if (findProgram(['nvidia-smi'], env) === null) return false;
  const result = await run('nvidia-smi', ['-L']);
  return result.code === 0 && /^GPU \d+:/m.test(result.stdout);
}

/**
 * The C++ compiler, or null.
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | null}
 */
export function findCompiler(env) {
  return findProgram(env.CXX ? [env.CXX, ...COMPILERS] : COMPILERS, env);
}

/**
 * The programs that install an engine, or what is missing.
 * @param {RunProcess} run
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ python: string, compiler: string, missing: null } | { missing: string }>}
 */
export async function findTools(run, env) {
  const compiler = findCompiler(env);
  const python = findProgram(['python3', 'python'], env);
  if (compiler === null || python === null) {
    // Both at once: who installs one must not learn only then that the other is missing too.
    const absent = [compiler === null && `no C++ compiler (${COMPILERS.join(', ')})`, python === null && 'no Python 3'];
    return { missing: absent.filter(Boolean).join(' and ') };
  }
  const started = await run(compiler, ['--version']);
  if (started.code !== 0) return { missing: `${compiler} does not start: ${failureLine(started)}` };
  const problem = await pipProblem(run, python);
  return problem === null ? { python, compiler, missing: null } : { missing: problem };
}
