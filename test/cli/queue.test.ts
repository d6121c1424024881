import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApplication } from '../../src/app/application.js';
import { startTime } from '../../src/cli/commands/queue.js';
import { configSchema } from '../../src/contract/config.js';
import type { QueueView } from '../../src/contract/jobs.js';
import { createProject } from '../../src/project/project.js';
import { FakeEngines } from '../jobs/fakeEngine.js';
import { removeFolder } from '../removeFolder.js';
import { makeImageFolder } from './runCli.js';

const ENTRY = resolve(import.meta.dirname, '../../build/stepadapt.mjs');
let root: string;
let images: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-cli-queue-'));
  images = await makeImageFolder(join(root, 'images'), 20);
});
afterAll(() => removeFolder(root));

interface Ended {
  readonly code: number | null;
  readonly lines: readonly unknown[];
  readonly text: string;
}

/** `stepadapt ARGS --json` with an application folder of its own. */
async function stepadapt(home: string, ...args: string[]): Promise<Ended> {
  const env = { ...process.env, STEPADAPT_HOME: join(root, home) };
  const child = spawn(process.execPath, [ENTRY, ...args, '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const [code] = (await once(child, 'close')) as [number | null];
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
  return { code, lines, text };
}

type Shown = QueueView & { hasHost: boolean };
async function queue(home: string, ...args: string[]): Promise<Shown> {
  const { code, lines, text } = await stepadapt(home, 'queue', ...args);
  if (code !== 0) throw new Error(text);
  return lines[0] as Shown;
}
const names = ({ jobs }: QueueView) => jobs.map(({ projectName }) => projectName);

/** A project whose first stage runs in a moment on any engine. */
async function makeProject(name: string, path = images): Promise<string> {
  const config = configSchema.parse({
    engine: 'wasm',
    data: { source: 'images', path, size: 8 },
    model: { channels: 8, normGroups: 4, attention: [4] },
    diffusion: { timesteps: 50 },
    base: { steps: 2, batch: 4, warmup: 1, checkpointEvery: 2, sampleEvery: 2 },
    sampling: { steps: 2, batch: 4 },
  });
  return (await createProject(join(root, name), { preset: null, config })).folder;
}

it(
  'queues, orders and schedules without starting anything; a failed job does not stop the rest, and is told by the exit code',
  { timeout: 300_000 },
  async () => {
    const vanishing = await makeImageFolder(join(root, 'vanishing'), 20);
    const folders = [await makeProject('late'), await makeProject('good'), await makeProject('bad', vanishing)];
    const added = await queue('home', 'add', ...folders, '--until', 'base');
    expect(added).toMatchObject({ paused: false, hasHost: false });
    expect(added.jobs.map(({ state, startedAt }) => [state, startedAt])).toEqual(Array(3).fill(['queued', null]));
    expect(names(await queue('home', 'move', 'bad', '1'))).toEqual(['bad', 'late', 'good']);
    const timed = await queue('home', 'schedule', '2', '2999-01-01T00:00');
    expect(timed.jobs[1].startAfter).toBe(new Date('2999-01-01T00:00').toISOString());
    expect(names(await queue('home', 'remove', 'late'))).toEqual(['bad', 'good']);
    await removeFolder(vanishing);
    const ran = await stepadapt('home', 'queue', 'run');
    const { result } = ran.lines.at(-1) as { result: { jobs: { projectName: string; state: string }[] } };
    expect(result.jobs.map(({ projectName, state }) => [projectName, state])).toEqual([
      ['bad', 'failed'],
      ['good', 'finished'],
    ]);
    expect(ran.code).toBe(1);
  },
);

it(
  'reaches the host that runs, which carries the change out and starts what may start',
  { timeout: 300_000 },
  async () => {
    const project = await makeProject('hosted');
    const engines = new FakeEngines();
    const dataFolder = join(root, 'hosted-home');
    const app = await createApplication({ host: 'web', dataFolder, roots: [root], spawn: engines.spawn });
    try {
      const added = await queue('hosted-home', 'add', project);
      expect(added).toMatchObject({ hasHost: true, jobs: [{ projectName: 'hosted', state: 'starting' }] });
      expect(engines.children).toHaveLength(1);
      // What the host refuses is said in its words.
      const outside = await stepadapt('hosted-home', 'queue', 'add', tmpdir());
      expect([outside.code, outside.lines]).toEqual([
        2,
        [{ error: expect.objectContaining({ code: 'PATH_OUTSIDE_ROOTS' }) }],
      ]);
      const second = await stepadapt('hosted-home', 'queue', 'run');
      expect([second.code, second.lines]).toEqual([1, [{ error: expect.objectContaining({ code: 'APP_RUNNING' }) }]]);
    } finally {
      const closed = app.close();
      engines.end();
      await closed;
    }
    expect(await readdir(dataFolder)).not.toContain('requests');
  },
);

it('reads times as people type them', () => {
  const now = new Date(2026, 2, 1, 20, 15);
  const local = (...parts: [number, number, number, number, number]) => new Date(...parts).toISOString();
  expect(startTime('22:30', now)).toBe(local(2026, 2, 1, 22, 30));
  expect(startTime('7:05', now)).toBe(local(2026, 2, 2, 7, 5));
  expect(startTime('+90', now)).toBe(local(2026, 2, 1, 21, 45));
  expect(startTime('2026-12-01T22:30', now)).toBe(local(2026, 11, 1, 22, 30));
  for (const wrong of ['', 'tonight', '25:00', '2026-12-01', '2026-13-01T00:00', '-5']) {
    expect(() => startTime(wrong, now), wrong).toThrowError(expect.objectContaining({ code: 'BAD_OPTION' }));
  }
});
