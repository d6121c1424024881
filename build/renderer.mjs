// Builds the window to dist/renderer, and skips the work when nothing that it is made of changed.
//   node build/renderer.mjs
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './setup/lock.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampPath = join(root, 'dist', '.renderer-stamp');

/** Everything the window is made of, with its time of change. */
function stamp() {
  const folders = ['renderer', 'src/contract'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((name) => join(folder, String(name)))
      .sort(),
  );
  return [...folders, 'package-lock.json'].map((name) => `${name}:${statSync(join(root, name)).mtimeMs}`).join('\n');
}

/**
 * Builds the window if any of its sources changed. A packaged program has no sources and nothing to build.
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} whether it was built
 */
export async function buildRenderer(say) {
  const config = join(root, 'renderer', 'vite.config.ts');
  if (!existsSync(config)) return false;
  const isCurrent = () => existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp();
  if (isCurrent()) return false;
  return withLock(
    join(root, '.cache', 'renderer.lock'),
    async () => {
      if (isCurrent()) return false;
      say('building the window');
      const made = stamp();
      const { build } = await import('vite');
      await build({ configFile: config, logLevel: 'warn' });
      mkdirSync(dirname(stampPath), { recursive: true });
      writeFileSync(stampPath, made);
      return true;
    },
    (holder) => say(`waiting for another build of the window (process ${holder})`),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = await buildRenderer((line) => console.error(line));
  console.error(built ? 'renderer: built' : 'renderer: up to date');
}
