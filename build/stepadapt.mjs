#!/usr/bin/env node
import { existsSync } from 'node:fs';

const program = new URL('../dist/src/cli/main.js', import.meta.url);

if (existsSync(program)) {
  // The library reads this when it is loaded; its notices would mix with the command's own messages.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  // Only these two show the window, so only they wait for it to be built.
  if (['app', 'serve'].includes(process.argv[2])) {
    const { buildRenderer } = await import('./renderer.mjs');
    await buildRenderer((line) => console.error(line));
  }
  await import(program.href);
} else {
  const error = { code: 'NOT_SET_UP', message: 'StepAdapt Studio is not compiled here', hint: 'run `npm run setup`' };
  if (process.argv.includes('--json')) console.log(JSON.stringify({ error }));
  console.error(`${error.code}: ${error.message}; ${error.hint}`);
  process.exitCode = 2;
}
