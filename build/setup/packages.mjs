// The npm packages: installed when missing or when the lock file asks for others.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { spawn } from 'node:child_process';

/**
 * The part of a lock file that matters here.
 * @typedef {{ version?: string, optional?: boolean, devOptional?: boolean, link?: boolean }} LockedPackage
 * @typedef {{ packages?: Record<string, LockedPackage> }} LockFile
 */

/**
 * What there is, as text; null for a file that does not exist.
 * @typedef {object} InstalledState
 * @property {string} lock package-lock.json
 * @property {string | null} installed npm's own record, node_modules/.package-lock.json
 * @property {string | null} stamp hash of the lock file at the last set-up
 */

/** @type {(text: string) => string} */
export function lockHash(text) {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * Decides what the packages need: nothing, a new stamp (somebody else installed the right ones), or an installation.
 * @param {InstalledState} state
 * @returns {'current' | 'stamp' | 'install'}
 */
export function packagesNeed({ lock, installed, stamp }) {
  if (installed === null) return 'install';
  if (stamp === lockHash(lock)) return 'current';
  return satisfies(JSON.parse(lock), JSON.parse(installed)) ? 'stamp' : 'install';
}

/**
 * Whether what is installed is what the lock file asks for. Optional packages (other platforms' binaries) may be absent.
 * @type {(lock: LockFile, installed: LockFile) => boolean}
 */
function satisfies(lock, installed) {
  return Object.entries(lock.packages ?? {}).every(([path, wanted]) => {
    if (path === '' || wanted.link) return true;
    const found = installed.packages?.[path];
    return found === undefined ? Boolean(wanted.optional) : found.version === wanted.version;
  });
}

/**
 * Installs the packages if needed.
 * @param {string} root folder of package.json
 * @param {(line: string) => void} say
 * @returns {Promise<number>} packages installed, 0 if they were there
 * @throws {Error} if npm fails; node_modules is then incomplete and the next set-up installs again
 */
export async function installPackages(root, say) {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const stampPath = join(root, 'node_modules', '.stepadapt-setup.json');
  const recordPath = join(root, 'node_modules', '.package-lock.json');
  const need = packagesNeed({ lock, installed: readText(recordPath), stamp: readStamp(stampPath) });
  if (need === 'current') return 0;
  if (need === 'install') {
    say('setup: installing packages (npm ci), this takes a minute');
    await npmCi(root);
  }
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(stampPath, `${JSON.stringify({ lockHash: lockHash(lock) })}\n`);
  if (need === 'stamp') return 0;
  return Object.keys(JSON.parse(readText(recordPath) ?? '{}').packages ?? {}).length;
}

/** @type {(path: string) => string | null} */
function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

/** @type {(path: string) => string | null} */
function readStamp(path) {
  try {
    return JSON.parse(readText(path) ?? '{}').lockHash ?? null;
  } catch {
    return null;
  }
}

/** @type {(root: string) => Promise<void>} */
function npmCi(root) {
  // Scripts stay off: the downloads of packages such as electron must not be able to break the set-up.
  // What npm's cache holds is taken from there, so that a machine without network can be set up again.
  const args = ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const viaNode = npm !== undefined && /npm-cli\.c?js$/.test(npm);
  return new Promise((resolve, reject) => {
    const child = spawn(viaNode ? process.execPath : 'npm', viaNode ? [npm, ...args] : args, {
      cwd: root,
      // npm's report goes to stderr: stdout belongs to the command that follows.
      stdio: ['ignore', 2, 2],
      shell: !viaNode && process.platform === 'win32',
    });
    child.on('error', (error) => reject(new Error(`npm could not be started: ${error.message}`)));
    child.on('close', (code) =>
      code === 0
        ? resolve()
        : reject(
            new Error(
              `npm ci ended with exit status ${code}; its message above says why. The npm packages come from a package registry or npm's cache: without network nothing here can run before they are installed once`,
            ),
          ),
    );
  });
}
