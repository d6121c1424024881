import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { CommandName, Result } from '../contract/api.js';
import { describeError, failure } from '../contract/errors.js';
import { writeJsonAtomic } from '../project/atomicFile.js';

/**
 * How another process of the same user, as `stepadapt queue`, reaches the host that holds the application's folder: a file
 * `ID.request.json` below `requests/`, answered by `ID.answer.json`. Whoever may write there may write the queue itself.
 */

const LOOK_MS = 250;
/** Largest request that is read. */
const MOST_BYTES = 1 << 16;

/** What may be asked for in this way. */
const OFFERED: ReadonlySet<string> = new Set<CommandName>([
  'projects.open',
  'queue.list',
  'queue.add',
  'queue.schedule',
  'queue.remove',
  'queue.move',
  'queue.clear',
  'queue.pause',
  'queue.resume',
]);

const requestSchema = z.strictObject({ command: z.string(), params: z.unknown() });
const answerSchema = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), value: z.unknown() }),
  z.strictObject({
    ok: z.literal(false),
    error: z.object({ code: z.string(), message: z.string(), hint: z.string() }),
  }),
]);

const requestsFolder = (dataFolder: string) => join(dataFolder, 'requests');

/**
 * Answers requests until it is closed. What an earlier life left unanswered is thrown away: whoever asked has been told.
 * @returns a function that ends it, after the request at work
 */
export async function answerRequests(
  dataFolder: string,
  call: (command: string, params: unknown) => Promise<Result<unknown>>,
): Promise<() => Promise<void>> {
  const folder = requestsFolder(dataFolder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const ending = new AbortController();
  const work = (async () => {
    while (!ending.signal.aborted) {
      for (const name of await readdir(folder).catch(() => [])) {
        if (name.endsWith('.request.json')) await answer(join(folder, name), call);
      }
      await sleep(LOOK_MS, undefined, { signal: ending.signal, ref: false }).catch(() => undefined);
    }
  })();
  return async () => {
    ending.abort();
    await work;
    await rm(folder, { recursive: true, force: true });
  };
}

async function answer(
  path: string,
  call: (command: string, params: unknown) => Promise<Result<unknown>>,
): Promise<void> {
  let result: Result<unknown>;
  try {
    const text = await readFile(path, 'utf8');
    // Taken before it is carried out: one that is still there was not.
    await rm(path);
    if (text.length > MOST_BYTES) throw new RangeError('the request is too long');
    const { command, params } = requestSchema.parse(JSON.parse(text));
    if (!OFFERED.has(command)) throw new Error(`"${command.slice(0, 60)}" is not offered here`);
    result = await call(command, params);
  } catch (error) {
    // Withdrawn in the meantime.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    result = { ok: false, error: describeError(error) };
  }
  // A folder that vanished has nobody who waits.
  await writeJsonAtomic(path.replace(/\.request\.json$/, '.answer.json'), result).catch(() => undefined);
}

/**
 * Asks the host that holds the application's folder.
 * @param patienceMs how long to wait for an answer
 * @throws failure `HOST_SILENT` where none comes
 */
export async function askHost(
  dataFolder: string,
  command: CommandName,
  params: unknown,
  patienceMs = 20_000,
): Promise<Result<unknown>> {
  const folder = requestsFolder(dataFolder);
  const id = randomBytes(8).toString('hex');
  const request = join(folder, `${id}.request.json`);
  const answerPath = join(folder, `${id}.answer.json`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeJsonAtomic(request, { command, params });
  for (let waited = 0; waited < patienceMs; waited += LOOK_MS / 2) {
    const text = await readFile(answerPath, 'utf8').catch(() => null);
    if (text !== null) {
      await rm(answerPath, { force: true });
      return answerSchema.parse(JSON.parse(text));
    }
    await sleep(LOOK_MS / 2);
  }
  const withdrawn = await rm(request).then(
    () => true,
    () => false,
  );
  throw failure(
    'HOST_SILENT',
    `the running window or host does not answer; ${withdrawn ? 'nothing was changed' : 'it may still carry the request out'}`,
    withdrawn ? 'end it, then run the same command again' : 'look with `stepadapt queue list`',
  );
}
