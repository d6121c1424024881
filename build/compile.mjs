// Compiles src/ and electron/ to dist/, file by file, and skips the work when nothing changed. Types are checked by `npm run typecheck`.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampPath = join(root, 'dist', '.stamp');

function sources() {
  return ['src', 'electron'].flatMap((folder) => {
    if (!existsSync(join(root, folder))) return [];
    return readdirSync(join(root, folder), { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .sort();
  });
}

/** Compiles if any source is newer than the last compilation. Returns the number of files compiled, 0 when up to date. */
export async function compile() {
  const files = sources();
  const stamp = files.map((name) => `${name}:${statSync(join(root, name)).mtimeMs}`).join('\n');
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp) return 0;
  const { build } = await import('esbuild');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: files,
    outdir: 'dist',
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampPath, stamp);
  return files.length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const count = await compile();
  console.error(count === 0 ? 'compile: up to date' : `compile: ${count} files`);
}
