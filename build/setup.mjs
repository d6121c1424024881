// Prepares a checkout: npm packages, the native tensor engine, compiled sources. Does only what is needed; stdout stays empty.
//   node build/setup.mjs [--engine [auto|cpu|cuda|none]]
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEngineOptions } from './setup/options.mjs';
import { withLock } from './setup/lock.mjs';
import { installPackages } from './setup/packages.mjs';
import { createProgress } from './setup/progress.mjs';
import { isSupportedNode, OLDEST_NODE, summary } from './setup/summary.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @type {(line: string) => void} */
function say(line) {
  process.stderr.write(`${line}\n`);
}

/** @type {(options: { choice: import('./nativeEngine/variants.mjs').EngineChoice, retry: boolean }) => Promise<void>} */
async function setUp({ choice, retry }) {
  const startedAt = performance.now();
  const packages = await installPackages(root, say);
  const { ensureNativeEngine } = await import('./nativeEngine.mjs');
  const engine = await ensureNativeEngine({ root, choice, retry, say, progress: createProgress(process.stderr) });
  // Not before the packages are there: the compiler is one of them.
  const { compile } = await import('./compile.mjs');
  const compiled = await compile();
  say(summary({ packages, engine, compiled, seconds: (performance.now() - startedAt) / 1000 }));
}

async function main() {
  if (!isSupportedNode(process.versions.node)) {
    say(`setup: Node ${OLDEST_NODE} or newer is needed, this is ${process.versions.node}`);
    return 2;
  }
  const options = parseEngineOptions(process.argv.slice(2), process.env);
  if ('problem' in options) {
    say(`setup: ${options.problem}`);
    return 2;
  }
  const onWait = (/** @type {string} */ holder) => say(`setup: waiting for another set-up (process ${holder})`);
  try {
    await withLock(join(root, '.cache', 'setup.lock'), () => setUp(options), onWait);
    return 0;
  } catch (error) {
    say(`setup: failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

process.exitCode = await main();
