// The native tensor engine of this machine, for the package.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readActiveEngine } from '../nativeEngine/store.mjs';

/**
 * Copies the active engine into `folder`, with a manifest that names the add-ons relative to itself, so that it works
 * wherever the package is installed. Without an engine, or with one for another platform, `folder` stays empty and the
 * package computes on the portable engine.
 * @param {object} options
 * @param {string} options.engines folder of the installed engines
 * @param {string} options.platform the package's, as `process.platform`
 * @param {string} options.arch
 * @param {string} options.folder replaced
 * @returns {string | null} the engine's variant
 */
export function stageEngine({ engines, platform, arch, folder }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const engine = readActiveEngine(engines);
  if (engine === null || !engine.variant.endsWith(`-${platform}-${arch}`)) return null;
  const source = dirname(engine.binding);
  const target = join(folder, engine.variant);
  for (const path of Object.keys(engine.files)) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(source, path), join(target, path), { verbatimSymlinks: true });
  }
  for (const licence of ['LICENSE', 'THIRD_PARTY_NOTICES.txt']) {
    if (existsSync(join(source, licence))) cpSync(join(source, licence), join(target, licence));
  }
  const { binding, kernels } = engine;
  const manifest = { ...engine, binding: basename(binding), ...(kernels && { kernels: basename(kernels) }) };
  writeFileSync(join(target, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(folder, 'active.json'), `${JSON.stringify({ folder: engine.variant })}\n`);
  return engine.variant;
}
