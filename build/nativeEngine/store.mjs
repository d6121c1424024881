// The folder of installed engines: where it is, which engine is active, whether one is whole, and what failed lately.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** @typedef {import('./variants.mjs').Variant} Variant */

/**
 * Written last into an engine's folder, so that a folder with a manifest is a finished one.
 * @typedef {object} Manifest
 * @property {string} variant
 * @property {string} tensorflow
 * @property {string} binding absolute path of the Node add-on
 * @property {string} [kernels] absolute path of the add-on with our own operations, where it could be compiled
 * @property {'cpu' | 'cuda'} device
 * @property {Record<string, number>} files size in bytes by path inside the folder
 */

/** @typedef {{ at: string, reason: string }} RememberedFailure */

const RETRY_AFTER_MS = 60 * 60 * 1000;

/**
 * Folder of the engines: `STEPADAPT_ENGINE_HOME`, else `stepadapt-studio/engines` in the user's cache folder.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} platform as `process.platform`
 * @param {string} home the user's home folder
 * @returns {string}
 */
export function enginesFolder(env, platform, home) {
  if (env.STEPADAPT_ENGINE_HOME) return env.STEPADAPT_ENGINE_HOME;
  return join(cacheFolder(env, platform, home), 'stepadapt-studio', 'engines');
}

/** @type {(env: NodeJS.ProcessEnv, platform: string, home: string) => string} */
function cacheFolder(env, platform, home) {
  if (env.XDG_CACHE_HOME) return env.XDG_CACHE_HOME;
  if (platform === 'darwin') return join(home, 'Library', 'Caches');
  if (platform === 'win32') return env.LOCALAPPDATA ?? join(home, 'AppData', 'Local');
  return join(home, '.cache');
}

/**
 * The manifest of an engine whose files are all there with their sizes, or null.
 * @param {string} engines
 * @param {string} folder name of the engine's folder
 * @returns {Manifest | null}
 */
export function readWholeEngine(engines, folder) {
  const directory = join(engines, folder);
  const manifest = /** @type {Manifest | null} */ (readJson(join(directory, 'manifest.json')));
  if (manifest === null || typeof manifest.files !== 'object' || manifest.files === null) return null;
  const whole = Object.entries(manifest.files).every(([path, size]) => fileSize(join(directory, path)) === size);
  return whole && existsSync(manifest.binding) ? manifest : null;
}

/**
 * The active engine, or null if there is none or it is damaged.
 * @param {string} engines
 * @returns {Manifest | null}
 */
export function readActiveEngine(engines) {
  const active = /** @type {{ folder?: unknown } | null} */ (readJson(join(engines, 'active.json')));
  return typeof active?.folder === 'string' ? readWholeEngine(engines, active.folder) : null;
}

/**
 * @param {string} engines
 * @param {string} folder
 */
export function activateEngine(engines, folder) {
  writeJson(join(engines, 'active.json'), { folder });
}

/**
 * Moves a finished engine to its place. Whatever stood there goes; a process that has it open keeps it until its end.
 * @param {string} engines
 * @param {string} staging folder with every file in place
 * @param {Variant} variant
 * @param {readonly string[]} files paths inside the folder whose sizes are recorded
 * @returns {Manifest}
 */
export function publishEngine(engines, staging, variant, files) {
  const place = join(engines, variant.id);
  const manifest = {
    variant: variant.id,
    tensorflow: variant.tensorflow,
    binding: join(place, 'tfjs_binding.node'),
    device: variant.device,
    files: Object.fromEntries(files.map((path) => [path, statSync(join(staging, path)).size])),
  };
  writeJson(join(staging, 'manifest.json'), manifest);
  const old = `${staging}.old`;
  if (existsSync(place)) renameSync(place, old);
  renameSync(staging, place);
  rmSync(old, { recursive: true, force: true });
  return manifest;
}

/**
 * Records the kernels of an engine.
 * @param {string} engines
 * @param {Manifest} engine
 * @param {string} kernels absolute path, in the engine's folder
 * @returns {Manifest}
 */
export function addKernels(engines, engine, kernels) {
  const isOld = (/** @type {string} */ path) => engine.kernels !== undefined && path === basename(engine.kernels);
  const files = Object.fromEntries(Object.entries(engine.files).filter(([path]) => !isOld(path)));
  const manifest = { ...engine, kernels, files: { ...files, [basename(kernels)]: statSync(kernels).size } };
  writeJson(join(engines, engine.variant, 'manifest.json'), manifest);
  return manifest;
}

/**
 * A failure of the last hour, or null.
 * @param {string} engines
 * @param {string} variant
 * @param {number} now milliseconds since 1970
 * @returns {(RememberedFailure & { minutesAgo: number }) | null}
 */
export function recentFailure(engines, variant, now) {
  const failure = /** @type {RememberedFailure | null} */ (readJson(failurePath(engines, variant)));
  if (typeof failure?.at !== 'string') return null;
  const age = now - Date.parse(failure.at);
  return age >= 0 && age < RETRY_AFTER_MS ? { ...failure, minutesAgo: Math.floor(age / 60_000) } : null;
}

/**
 * @param {string} engines
 * @param {string} variant
 * @param {string} reason
 * @param {number} now milliseconds since 1970
 */
export function rememberFailure(engines, variant, reason, now) {
  writeJson(failurePath(engines, variant), { at: new Date(now).toISOString(), reason });
}

/**
 * @param {string} engines
 * @param {string} variant
 */
export function forgetFailure(engines, variant) {
  rmSync(failurePath(engines, variant), { force: true });
}

/** @type {(engines: string, variant: string) => string} */
function failurePath(engines, variant) {
  return join(engines, `${variant}.failed.json`);
}

/** @type {(path: string) => unknown} */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** @type {(path: string, value: unknown) => void} */
function writeJson(path, value) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(temporary, path);
}

/** @type {(path: string) => number | null} */
function fileSize(path) {
  try {
    return statSync(path).size;
  } catch {
    return null;
  }
}
