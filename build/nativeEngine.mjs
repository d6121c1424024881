// Obtains the native tensor engine: a TensorFlow library out of a Python wheel and the Node add-on compiled against it.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildBinding } from './nativeEngine/binding.mjs';
import { downloadWheels } from './nativeEngine/download.mjs';
import { findCompiler, findTools, hasNvidiaGpu, thisMachine } from './nativeEngine/host.mjs';
import { buildKernels, hasKernels } from './nativeEngine/kernels.mjs';
import {
  activateEngine,
  addKernels,
  enginesFolder,
  forgetFailure,
  publishEngine,
  readActiveEngine,
  readWholeEngine,
  recentFailure,
  rememberFailure,
} from './nativeEngine/store.mjs';
import { unpackWheels } from './nativeEngine/unpack.mjs';
import { variantsFor } from './nativeEngine/variants.mjs';
import { withLock } from './setup/lock.mjs';
import { runProcess } from './setup/processes.mjs';

/**
 * @typedef {import('./nativeEngine/store.mjs').Manifest} Manifest
 * @typedef {import('./nativeEngine/variants.mjs').EngineChoice} EngineChoice
 * @typedef {import('./nativeEngine/variants.mjs').Variant} Variant
 * @typedef {import('./setup/processes.mjs').RunProcess} RunProcess
 * @typedef {import('./setup/progress.mjs').Progress} Progress
 */

/**
 * @typedef {object} EngineOptions
 * @property {string} root folder of node_modules
 * @property {EngineChoice} choice
 * @property {boolean} retry try again although it failed less than an hour ago
 * @property {(line: string) => void} say
 * @property {Progress} progress
 * @property {RunProcess} [run] starts programs
 * @property {NodeJS.ProcessEnv} [env]
 * @property {() => number} [now] milliseconds since 1970
 * @property {import('./nativeEngine/host.mjs').Machine} [machine]
 */

/**
 * How it went. `missing` says in a few words why there is no native engine; the product then runs on the portable one.
 * @typedef {{ engine: Manifest | null, changed: boolean, missing: string | null }} EngineOutcome
 */

/**
 * Makes the chosen engine the active one, installing it if needed, with this checkout's kernels. Never throws for want of a tool,
 * the network or a library.
 * @param {EngineOptions} options
 * @returns {Promise<EngineOutcome>}
 */
export async function ensureNativeEngine(options) {
  const outcome = await ensureEngine(options);
  if (options.choice === 'none' || outcome.engine === null || hasKernels(outcome.engine)) return outcome;
  return { ...outcome, engine: await ensureKernels(options, outcome.engine) };
}

/**
 * The engine with the kernels compiled, or as it is where that cannot be.
 * @param {EngineOptions} options
 * @param {Manifest} engine
 * @returns {Promise<Manifest>}
 */
async function ensureKernels(options, engine) {
  const { root, retry, say, env = process.env, run = runProcess, now = Date.now, machine = thisMachine() } = options;
  const engines = enginesFolder(env, machine.platform, homedir());
  const what = `${engine.variant}-kernels`;
  const compiler = findCompiler(env);
  // A packaged engine may lie where nobody may write, and works without.
  if (compiler === null || (!retry && recentFailure(engines, what, now()) !== null)) return engine;
  try {
    return await withLock(
      join(engines, '.lock'),
      async () => {
        const { platform, arch } = machine;
        const kernels = await buildKernels({ compiler, platform, arch, root, engine, run });
        forgetFailure(engines, what);
        return addKernels(engines, engine, kernels);
      },
      (holder) => say(`setup: waiting for another set-up (process ${holder})`),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    rememberFailure(engines, what, reason, now());
    say(`setup: the fused operations did not compile (${reason}); the engine works without them, more slowly`);
    return engine;
  }
}

/**
 * Makes the chosen engine the active one.
 * @param {EngineOptions} options
 * @returns {Promise<EngineOutcome>}
 */
async function ensureEngine(options) {
  const { choice, env = process.env, run = runProcess, now = Date.now, machine = thisMachine() } = options;
  const engines = enginesFolder(env, machine.platform, homedir());
  const active = readActiveEngine(engines);
  if (choice === 'none') return { engine: active, changed: false, missing: null };
  const accepted = variantsFor(choice, { ...machine, nvidia: true });
  if (active !== null && accepted.some(({ id }) => id === active.variant)) {
    return { engine: active, changed: false, missing: null };
  }
  if (accepted.length === 0) return unavailable(`none is made for ${machine.platform} ${machine.arch}`);

  const nvidia = choice === 'auto' && (await hasNvidiaGpu(run, env));
  let missing = '';
  for (const variant of variantsFor(choice, { ...machine, nvidia })) {
    const failed = options.retry ? null : recentFailure(engines, variant.id, now());
    if (failed !== null) {
      missing = `${failed.reason}; tried ${failed.minutesAgo} min ago, "npm run setup -- --engine" tries again`;
      continue;
    }
    const attempt = await obtain({ ...options, run, env, now, machine, engines, variant });
    if (attempt.engine !== null) return attempt;
    missing = attempt.missing ?? '';
  }
  return unavailable(missing);
}

/** @type {(missing: string) => EngineOutcome} */
function unavailable(missing) {
  return { engine: null, changed: false, missing };
}

/**
 * @typedef {Required<EngineOptions> & { engines: string, variant: Variant }} Attempt
 */

/**
 * Activates one variant, installing it if it is not there. Set-ups of several checkouts take turns.
 * @param {Attempt} attempt
 * @returns {Promise<EngineOutcome>}
 */
function obtain(attempt) {
  const { engines, variant, run, env, now, say } = attempt;
  const onWait = (/** @type {string} */ holder) => say(`setup: waiting for another set-up (process ${holder})`);
  return withLock(
    join(engines, '.lock'),
    async () => {
      const whole = readWholeEngine(engines, variant.id);
      if (whole !== null) {
        activateEngine(engines, variant.id);
        return { engine: whole, changed: true, missing: null };
      }
      const tools = await findTools(run, env);
      if (tools.missing !== null) return unavailable(tools.missing);
      try {
        const engine = await install(attempt, tools);
        activateEngine(engines, variant.id);
        forgetFailure(engines, variant.id);
        return { engine, changed: true, missing: null };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        rememberFailure(engines, variant.id, reason, now());
        return unavailable(reason);
      }
    },
    onWait,
  );
}

/**
 * Downloads, unpacks, compiles and publishes. The engine grows in a folder of its own and takes its place in one rename.
 * @param {Attempt} attempt
 * @param {{ python: string, compiler: string }} tools
 * @returns {Promise<Manifest>}
 */
async function install({ engines, variant, root, machine, run, progress, say }, { python, compiler }) {
  for (const name of readdirSync(engines)) {
    // Left by a set-up that was killed: while we hold the lock no other is at work.
    if (name.startsWith('.staging-')) rmSync(join(engines, name), { recursive: true, force: true });
  }
  const staging = join(engines, `.staging-${process.pid}`);
  const downloads = join(engines, 'downloads');
  try {
    say(`setup: installing the native engine (TensorFlow ${variant.tensorflow}, ${variant.device})`);
    const wheels = await downloadWheels({ wheels: variant.wheels, folder: downloads, python, run, progress });
    mkdirSync(staging);
    progress.update('setup: unpacking the native engine');
    const libraries = await unpackWheels({ wheels, libraries: variant.libraries, target: staging, python, run });
    progress.update('setup: compiling the binding');
    await buildBinding({ compiler, platform: machine.platform, root, folder: staging, variant, run });
    const engine = publishEngine(engines, staging, variant, [...libraries, 'tfjs_binding.node']);
    rmSync(downloads, { recursive: true, force: true });
    return engine;
  } finally {
    progress.done();
    rmSync(staging, { recursive: true, force: true });
  }
}
