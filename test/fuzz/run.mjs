// node test/fuzz/run.mjs [--count 100000] [--seed 1] [--reader NAME ...] [--from INDEX] [--json]
// Gives every reader of strangers' data broken and hostile inputs, each reader in a process of its own. Exit code 1 when one fails
// in another way than by an error with a code, takes more than a second, or more memory than its bound.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const outfile = `${root}/.cache/fuzz-${process.pid}.mjs`;
await build({
  absWorkingDir: root,
  entryPoints: [`${folder}/main.ts`],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
});
const { rmSync } = await import('node:fs');
fork(outfile, process.argv.slice(2)).on('close', (code) => {
  rmSync(outfile, { force: true });
  process.exitCode = code ?? 1;
});
