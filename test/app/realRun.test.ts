import { mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createApplication, type Application } from '../../src/app/application.js';
import { KEY_VARIABLE } from '../../src/pipeline/languageModelService.js';
import type { AppEvent, CommandName, CommandParams, CommandValue } from '../../src/contract/api.js';
import { removeFolder } from '../removeFolder.js';

const ENTRY = resolve(import.meta.dirname, '../../dist/src/jobs/engineProcess.js');

/** Runs from data to report in seconds on any engine: pictures without labels need no training of a feature network. */
const TINY = {
  engine: 'wasm',
  data: { source: 'images', size: 8, channels: 3, count: 80 },
  model: { channels: 8, normGroups: 4, attention: [4] },
  diffusion: { timesteps: 50 },
  // Enough updates for what the test does to a run at work.
  base: { steps: 150, batch: 4, warmup: 2, checkpointEvery: 5, sampleEvery: 50 },
  grouping: { groups: 2 },
  experts: { steps: 3, warmup: 1 },
  pruning: { evidence: 4, rounds: 2, proxySteps: 1, proxyImages: 4 },
  sampling: { steps: 5, batch: 4 },
  evaluation: { samples: 6 },
};

/** The key of a language-model service, which must reach the service and nothing else. */
const KEY = 'sk-planted-0123456789abcdef';
let service: Server;
const keysSeen: (string | undefined)[] = [];

let root: string;
let app: Application;
const events: AppEvent[] = [];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-real-'));
  vi.stubEnv(KEY_VARIABLE, KEY);
  // A service that sends the key back with its answer, and again where the answer is an error.
  service = createServer((request, response) => {
    keysSeen.push(request.headers.authorization);
    request.resume().on('end', () => {
      if (keysSeen.length % 2 === 0) response.statusCode = 500;
      response.end(JSON.stringify({ choices: [{ message: { content: `[1] for ${KEY}` } }], error: KEY }));
    });
  });
  await new Promise<void>((done) => service.listen(0, '127.0.0.1', done));
  app = await createApplication({
    host: 'process',
    dataFolder: join(root, 'data'),
    roots: [root],
    engine: { entry: ENTRY },
    // The test itself goes on after the kill.
    restarts: false,
  });
  app.subscribe((message) => {
    if (message.type === 'events') events.push(...message.events);
  });
});
afterAll(async () => {
  await app.close();
  vi.unstubAllEnvs();
  await new Promise((done) => service.close(done));
  await removeFolder(root);
});

/** As many 8x8 colour pictures as the config wants, each of one colour with one bright pixel. */
async function makePictures(folder: string): Promise<string> {
  const { count, size } = TINY.data;
  await mkdir(folder);
  for (let index = 0; index < count; index++) {
    const pixels = Uint8Array.from({ length: size * size * 3 }, (_, at) =>
      at === index ? 255 : (index * 3 + at) % 3 ? 40 : 90,
    );
    const picture = sharp(pixels, { raw: { width: size, height: size, channels: 3 } });
    await picture.png().toFile(join(folder, `${index}.png`));
  }
  return folder;
}

async function ask<N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandValue<N>> {
  const result = await app.call(name, params);
  if (!result.ok) throw new Error(`${name}: ${result.error.code} ${result.error.message}`);
  return result.value;
}

async function eventually<T>(look: () => Promise<T>, isRight: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look();
    if (isRight(value)) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
}

it(
  'a real engine, killed in the middle, goes on from its checkpoint and ends with a report',
  { timeout: 1_800_000 },
  async () => {
    const { port } = service.address() as AddressInfo;
    const languageModel = { url: `http://127.0.0.1:${port}/v1`, model: 'tiny' };
    const pictures = await makePictures(join(root, 'pictures'));
    const config = {
      ...TINY,
      data: { ...TINY.data, path: pictures },
      pruning: { ...TINY.pruning, proposer: 'language-model', languageModel },
    };
    const { id } = await ask('projects.create', { name: 'tiny', preset: 'shapes-tiny', config });
    const snapshot = () => ask('runs.snapshot', { id });
    const first = await ask('runs.start', { id });
    await eventually(snapshot, ({ metrics }) => (metrics[0]?.steps.at(-1) ?? 0) >= 10);
    const record = JSON.parse(await readFile(join(root, 'tiny/jobs', `${first.id}.json`), 'utf8')) as {
      process: { pid: number };
    };
    process.kill(record.process.pid, 'SIGKILL');
    const broken = await eventually(snapshot, ({ job }) => job!.state === 'interrupted');
    expect(broken.job).toMatchObject({ error: { code: 'ENGINE_CRASHED' }, can: { start: true } });
    expect(broken.stages[0]).toMatchObject({ id: 'base', state: 'interrupted' });

    const seen = events.length;
    expect((await ask('runs.start', { id })).id).not.toBe(first.id);
    // Refused until the new engine trains.
    const drawn = await eventually(
      () => app.call('samples.draw', { id, model: 'training', seed: 3, count: 4 }),
      (result) => result.ok || result.error.code !== 'NOTHING_IN_TRAINING',
    );
    if (!drawn.ok) throw new Error(drawn.error.message);
    const inTraining = drawn.value;
    expect(inTraining).toMatchObject({ model: 'base', seed: 3, count: 4 });
    expect(inTraining.step).toBeGreaterThan(0);
    expect((await ask('runs.pause', { id })).state).toBe('pausing');
    await eventually(snapshot, ({ job }) => job!.state === 'paused');
    const second = await ask('runs.start', { id });
    const ended = await eventually(snapshot, ({ job }) => job!.id === second.id && job!.state === 'finished');
    const progress = events
      .slice(seen)
      .flatMap((event) => (event.type === 'pipeline' && event.event.type === 'progress' ? [event.event] : []));
    expect(progress.find(({ unit }) => unit === 'step')!.done).toBeGreaterThan(0);
    expect(ended.stages.every(({ state }) => state === 'done')).toBe(true);
    expect(ended.metrics[0].steps).toEqual(Array.from({ length: TINY.base.steps }, (_, index) => index + 1));
    expect(ended.samples.map(({ stage }) => stage)).toEqual(expect.arrayContaining(['base', 'evaluation']));

    const adaptive = await ask('samples.draw', { id, model: 'adaptive', seed: 3, count: 4 });
    expect((await ask('runs.snapshot', { id })).drawn).toEqual([inTraining, adaptive]);
    const grid = Buffer.from((await app.file(`/api/image/${adaptive.image}`))!.bytes);
    // Four pictures of 8 pixels, eight times enlarged, with lines of one pixel around each.
    expect([grid.readUInt32BE(16), grid.readUInt32BE(20)]).toEqual([4 * 65 + 1, 65 + 1]);

    const results = await ask('results.get', { id });
    expect(results.rows.map(({ model }) => model)).toEqual(['base', 'uniform', 'adaptive']);
    expect((await app.file(`/api/image/${results.samples[2].image}`))!.bytes.length).toBeGreaterThan(100);
    const experts = await ask('experts.get', { id });
    expect(experts.map(({ losses }) => losses !== null)).toEqual([true, true]);
    expect(experts[1].memory.filter(({ chosen }) => chosen)).toHaveLength(1);

    const [report] = await ask('report.list', { id });
    expect(Buffer.from((await app.file(report.url))!.bytes).toString()).toContain('<!doctype html>');
    const png = await ask('exports.figure', {
      id,
      report: report.id,
      figure: report.figures[0],
      format: 'png',
      width: 400,
    });
    const bytes = Buffer.from((await app.file(png.url))!.bytes);
    expect([bytes.toString('latin1', 1, 4), bytes.readUInt32BE(16)]).toEqual(['PNG', 400]);
    expect((await ask('projects.recent', {}))[0]).toMatchObject({ state: 'finished', progress: 1 });
  },
);

it('the key of the language model reached the service, and is in no file and no message', async () => {
  expect(keysSeen.length).toBeGreaterThan(0);
  expect(new Set(keysSeen)).toEqual(new Set([`Bearer ${KEY}`]));
  expect(JSON.stringify(events)).not.toContain(KEY);
  const names = await readdir(root, { recursive: true });
  // The transcript of the search, the job's record, the report and the application's own files are among them.
  for (const part of ['transcript.jsonl', 'jobs', 'report.html', 'projects.json', 'tiny.stepadapt']) {
    expect(
      names.some((name) => name.includes(part)),
      part,
    ).toBe(true);
  }
  for (const name of names) {
    const bytes = await readFile(join(root, name)).catch(() => null);
    expect(bytes?.includes(KEY) ?? false, name).toBe(false);
  }
});
