import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import type { FromEngine } from '../../src/jobs/messages.js';
import { engineSpawner } from '../../src/jobs/spawnEngine.js';
import { TINY } from '../pipeline/stageContext.js';

/** The real entry, compiled, with a host that may say anything. */
const spawn = engineSpawner({ entry: fileURLToPath(new URL('../../dist/src/jobs/engineProcess.js', import.meta.url)) });

/** What a process says that is told these messages. */
async function talk(messages: readonly object[]): Promise<FromEngine[]> {
  const child = spawn();
  const heard: FromEngine[] = [];
  child.on('message', (message) => {
    heard.push(message as FromEngine);
    if ((message as FromEngine).type === 'ready') for (const each of messages) child.send(each);
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  // A process that threw would end with a status of 1.
  expect(status).toBe(0);
  return heard.filter(({ type }) => type !== 'heartbeat');
}

it('ends with an error, and does not wait for ever, when its task is not understood', async () => {
  for (const garbled of [{ type: 'run', project: 7 }, {}, { type: 'dance' }]) {
    const [ready, last, ...rest] = await talk([garbled]);
    expect(ready).toEqual({ type: 'ready' });
    expect(last).toMatchObject({ type: 'failed', error: { code: 'HOST_GARBLED' } });
    expect(rest).toEqual([]);
  }
});

it('ends when its host is gone before it was loaded', async () => {
  const child = spawn() as ChildProcess;
  // After `disconnect` there is no `close`.
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.disconnect();
  expect(await ended).toBe(0);
});

it('goes on with its task, and says so, when a later message is not understood', async () => {
  const heard = await talk([{ type: 'forecast', config: configSchema.parse(TINY) }, { type: 'dance' }]);
  const events = heard.flatMap((message) => (message.type === 'events' ? message.events : []));
  expect(events).toContainEqual({
    type: 'log',
    level: 'warn',
    message: 'a message of the host was not understood and changes nothing',
  });
  expect(heard.at(-1)).toMatchObject({ type: 'finished', forecast: { seconds: expect.any(Number) as unknown } });
});
