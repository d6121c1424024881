// Compiles src/ and electron/ to dist/, file by file, and skips the work when nothing changed. Types are checked by `npm run typecheck`.
// One file is bundled: the preload script, since a script in a sandboxed page can load no other files.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampPath = join(root, 'dist', '.stamp');
const preload = join('electron', 'preload.ts');

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
  // A process that is running from dist/ must never meet half of it, so the whole is made aside and changes place.
  const aside = join(root, '.cache', `dist-${process.pid}`);
  /** @type {import('esbuild').BuildOptions} */
  const shared = {
    absWorkingDir: root,
    outdir: aside,
    outbase: '.',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  };
  await Promise.all([
    build({ ...shared, entryPoints: files.filter((name) => name !== preload), format: 'esm', sourcemap: true }),
    ...(files.includes(preload)
      ? [
          build({
            ...shared,
            entryPoints: [preload],
            format: 'cjs',
            outExtension: { '.js': '.cjs' },
            bundle: true,
            external: ['electron'],
          }),
        ]
      : []),
  ]);
  mkdirSync(join(root, 'dist'), { recursive: true });
  for (const folder of readdirSync(aside)) {
    const old = join(aside, `${folder}.old`);
    if (existsSync(join(root, 'dist', folder))) renameSync(join(root, 'dist', folder), old);
    renameSync(join(aside, folder), join(root, 'dist', folder));
  }
  rmSync(aside, { recursive: true, force: true });
  writeFileSync(stampPath, stamp);
  return files.length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const count = await compile();
  console.error(count === 0 ? 'compile: up to date' : `compile: ${count} files`);
}
