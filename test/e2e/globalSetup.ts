import { compile } from '../../build/compile.mjs';
import { buildRenderer } from '../../build/renderer.mjs';

export default async function setup(): Promise<void> {
  await compile();
  await buildRenderer((line) => process.stderr.write(`${line}\n`));
}
