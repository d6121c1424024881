import { join } from 'node:path';
import { createApplication } from '../../../src/app/application.js';
import { commands } from '../../../src/contract/api.js';
import { inputError } from '../../../src/contract/errors.js';
import { fromEngineSchema, toEngineSchema } from '../../../src/jobs/messages.js';
import { parseWidthList } from '../../../src/method/languageModelProposer.js';
import { findPreset } from '../../../src/pipeline/presets.js';
import { askService } from '../../../src/pipeline/languageModelService.js';
import { parseConfig } from '../../../src/project/project.js';
import type { FuzzReader } from '../fuzzReader.js';
import { mutateBytes, mutateJson } from '../mutate.js';
import { ensure, scratchFolder } from '../scratch.js';
import { safeParse } from '../../../src/contract/safeParse.js';

/** Commands that come over HTTP and IPC, on an application with one project. Probing engines starts processes, so it is left out. */
export async function commandReader(): Promise<FuzzReader> {
  const { folder, close } = await scratchFolder();
  const app = await createApplication({
    host: 'process',
    dataFolder: join(folder, 'data'),
    roots: [join(folder, 'root')],
    spawn: () => {
      throw new Error('no engine here');
    },
  });
  const made = await app.call('projects.create', { name: 'p', preset: 'shapes-tiny' });
  if (!made.ok) throw new Error(made.error.message);
  const { id } = made.value;
  const config = findPreset('shapes-tiny').config;
  const params: Record<string, unknown> = {
    'projects.create': { name: 'q', preset: 'shapes-tiny', config },
    'projects.open': { path: 'p' },
    'projects.saveConfig': { id, config },
    'design.preview': { config },
    compare: { ids: [id, id] },
    'exports.csv': { id, table: 'metrics' },
    'exports.figure': { id, report: 'x', figure: 'y', format: 'svg' },
    'queue.remove': { job: 'x' },
    'queue.move': { job: 'x', to: 1 },
    'settings.set': { theme: 'dark' },
  };
  const names = Object.keys(commands).filter((name) => name !== 'engines.list');
  return {
    name: 'commands',
    make(random) {
      const name = random.pick(names);
      return {
        name: random.below(50) === 0 ? random.pick(['__proto__', 'constructor', '', 'x'.repeat(999)]) : name,
        params: mutateJson(random, params[name] ?? { id }),
      };
    },
    async read(input) {
      const call = input as { name: string; params: unknown };
      const result = await app.callRaw(call.name, call.params);
      if (result.ok) return;
      ensure(result.error.code !== 'UNEXPECTED', `${call.name} failed: ${result.error.message}`);
      throw inputError(result.error.code, result.error.message, result.error.hint);
    },
    async close() {
      await app.close();
      await close();
    },
  };
}

const refused = () => inputError('REFUSED', 'does not fit its schema', 'none');

/** What an engine process says to its host. */
export async function engineMessageReader(): Promise<FuzzReader> {
  const values = [
    { type: 'ready' },
    { type: 'heartbeat', rssBytes: 5 },
    {
      type: 'events',
      events: [
        { type: 'metric', stage: 'base', step: 1, values: { loss: 1 } },
        { type: 'log', level: 'info', message: 'x' },
      ],
    },
    { type: 'finished', forecast: { seconds: 1, peakBytes: 2, diskBytes: 3 } },
    { type: 'failed', error: { code: 'X', message: 'm', hint: 'h' } },
  ];
  return {
    name: 'engine messages',
    make: (random) => mutateJson(random, random.pick(values)),
    read(value) {
      if (!safeParse(fromEngineSchema, value).success) throw refused();
    },
  };
}

/** What a host says to an engine process. */
export async function hostMessageReader(): Promise<FuzzReader> {
  const config = parseConfig(findPreset('shapes-tiny').config);
  const values = [{ type: 'run', project: '/p', config, until: null }, { type: 'forecast', config }, { type: 'stop' }];
  return {
    name: 'host messages',
    make: (random) => mutateJson(random, random.pick(values)),
    read(value) {
      if (!safeParse(toEngineSchema, value).success) throw refused();
    },
  };
}

/** What a language model's service sends back, over a network that is not there. */
export async function answerReader(): Promise<FuzzReader> {
  const good = { choices: [{ message: { content: 'Here: [8, 16, 24]' } }] };
  const words = ['[', ']', '[1,2,3]', 'NaN', '1e999', '"', 'null', '[[[['];
  const network = globalThis.fetch;
  let body = '';
  globalThis.fetch = () => Promise.resolve(new Response(body));
  const service = { url: 'http://127.0.0.1:1', model: 'm', timeoutSeconds: 3600 };
  const { signal } = new AbortController();
  return {
    name: 'model answers',
    make: (random) => {
      const content = mutateBytes(random, [Buffer.from('Here: [8, 16, 24]')], words).toString('utf8');
      return (
        JSON.stringify(random.below(2) === 0 ? { choices: [{ message: { content } }] } : mutateJson(random, good)) ?? ''
      );
    },
    async read(text) {
      body = text as string;
      let answer: string;
      try {
        answer = await askService({ service, key: undefined, signal }, []);
      } catch (error) {
        throw inputError('NO_ANSWER', (error as Error).message, 'none');
      }
      const widths = parseWidthList(answer, 3);
      if ('failed' in widths) throw inputError('NO_WIDTHS', widths.failed, 'none');
      ensure(widths.list.length === 3, 'the list has another length');
    },
    close: () => {
      globalThis.fetch = network;
      return Promise.resolve();
    },
  };
}
