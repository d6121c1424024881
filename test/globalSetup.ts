import { compile } from '../build/compile.mjs';

/** Tests of the command line and of engine probes run the compiled product in processes of its own. */
export default async function setup(): Promise<void> {
  await compile();
}
