import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import { engineSpawner } from '../../src/jobs/spawnEngine.js';
import { superviseEngine } from '../../src/jobs/superviseEngine.js';
import { removeFolder } from '../removeFolder.js';

/** Real processes that hang or die in the ways an engine can. */
let folder: string;
let entry: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepadapt-engine-'));
  entry = join(folder, 'engine.mjs');
  await writeFile(
    entry,
    `process.send({ type: 'ready' });
    process.on('message', ({ type }) => {
      if (type !== 'run') return;
      switch (process.env.END) {
        case 'hang': for (;;);
        case 'abort': return process.abort();
        case 'code': return process.exit(137);
        default: return process.kill(process.pid, process.env.END);
      }
    });`,
  );
});
afterAll(() => removeFolder(folder));

const task = { type: 'run', project: 'p.stepadapt', config: configSchema.parse({}), until: null } as const;
const run = (end: string) =>
  superviseEngine({
    spawn: engineSpawner({ entry, env: () => ({ ...process.env, END: end }) }),
    task,
    // Only one that hangs is out of patience; the others may take their time on a busy machine.
    ...(end === 'hang' ? { patience: { silence: 200, stop: 100, terminate: 100 } } : {}),
    countMemoryKills: () => null,
  }).outcome;

it('one that hangs in a loop is killed and named', async () => {
  expect(await run('hang')).toMatchObject({ kind: 'lost', error: { code: 'ENGINE_HUNG' } });
});

it.runIf(process.platform !== 'win32').each([
  ['abort', /SIGABRT \(a native library gave up\)/],
  ['SIGSEGV', /SIGSEGV \(it touched memory/],
  ['SIGKILL', /SIGKILL: something outside killed it/],
  ['code', /SIGKILL: something outside killed it/],
])('one that ends by %s is named', async (end, message) => {
  expect(await run(end)).toMatchObject({
    kind: 'lost',
    error: { code: 'ENGINE_CRASHED', message: expect.stringMatching(message) },
  });
});

it.runIf(process.platform !== 'win32')('one without the instructions of its engine is named', async () => {
  expect(await run('SIGILL')).toMatchObject({ kind: 'lost', error: { code: 'ENGINE_UNSUITED' } });
});
