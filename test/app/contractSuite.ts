import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApplication, type Application } from '../../src/app/application.js';
import {
  commands,
  type AppEvent,
  type AppTransport,
  type CommandName,
  type CommandParams,
  type CommandValue,
  type StreamMessage,
} from '../../src/contract/api.js';
import { imageUrl } from '../../src/contract/imageUrl.js';
import { openProject } from '../../src/project/project.js';
import { lockProject } from '../../src/project/projectLock.js';
import { FakeEngines } from '../jobs/fakeEngine.js';
import { removeFolder } from '../removeFolder.js';

/** A host of the application as a window reaches it. */
export interface HostUnderTest {
  readonly transport: AppTransport;
  /** GET of an address below `/api/`; null where there is nothing. */
  get(url: string): Promise<Uint8Array | null>;
  close(): Promise<void>;
}

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);

/** What every host promises, whatever carries its messages. Written once; each host runs it. */
export function contractSuite(name: string, open: (app: Application) => Promise<HostUnderTest>): void {
  describe(`contract, ${name}`, () => {
    let root: string;
    let engines: FakeEngines;
    let app: Application;
    let host: HostUnderTest;
    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), 'stepadapt-contract-'));
      engines = new FakeEngines();
      const dataFolder = join(root, 'data');
      app = await createApplication({ host: 'process', dataFolder, roots: [root], spawn: engines.spawn });
      host = await open(app);
    });
    afterEach(async () => {
      await host.close();
      const closed = app.close();
      engines.end();
      await closed;
      await removeFolder(root);
    });

    /** The value of a command, checked against the contract. */
    async function ask<N extends CommandName>(command: N, params: CommandParams<N>): Promise<CommandValue<N>> {
      const result = await host.transport.call(command, params);
      if (!result.ok) throw new Error(`${command}: ${result.error.code} ${result.error.message}`);
      return commands[command].result.parse(result.value) as CommandValue<N>;
    }
    async function refusal<N extends CommandName>(command: N, params: unknown): Promise<string> {
      const result = await host.transport.call(command, params as CommandParams<N>);
      if (result.ok) throw new Error(`${command} was carried out`);
      expect(result.error.message).not.toBe('');
      expect(result.error.hint).not.toBe('');
      return result.error.code;
    }
    const create = (project: string) => ask('projects.create', { name: project, preset: 'shapes-tiny' });
    async function eventually<T>(look: () => Promise<T> | T, isRight: (value: T) => boolean): Promise<T> {
      for (;;) {
        const value = await look();
        if (isRight(value)) return value;
        await new Promise((done) => setTimeout(done, 10));
      }
    }

    it('tells what it is and what it offers', async () => {
      expect(await ask('app.info', {})).toMatchObject({ name: 'StepAdapt Studio', host: 'process', roots: [root] });
      const { totalMemoryBytes, diskFreeBytes } = await ask('app.resources', {});
      expect(Math.min(totalMemoryBytes, diskFreeBytes!)).toBeGreaterThan(0);
      expect((await ask('presets.list', {})).map((preset) => preset.name)).toContain('shapes-tiny');
      const { schema, defaults } = await ask('design.schema', {});
      expect(schema).toMatchObject({ properties: { base: { properties: { steps: { minimum: 1 } } } } });
      expect(defaults).toMatchObject({ budget: { targetMean: 0.8 } });
    });

    it('refuses unknown commands and wrong parameters in words', async () => {
      expect(await refusal('nothing.here' as CommandName, {})).toBe('COMMAND_UNKNOWN');
      expect(await refusal('constructor' as CommandName, {})).toBe('COMMAND_UNKNOWN');
      expect(await refusal('runs.start', { id: '../../etc' })).toBe('BAD_PARAMETERS');
      expect(await refusal('app.info', { extra: 1 })).toBe('BAD_PARAMETERS');
      expect(await refusal('runs.start', { id: '0'.repeat(16) })).toBe('PROJECT_UNKNOWN');
      expect(await refusal('projects.create', { name: 'x', preset: 'none' })).toBe('PRESET_UNKNOWN');
      expect(await refusal('projects.create', { name: 'x/y', preset: 'shapes-tiny' })).toBe('PROJECT_NAME_INVALID');
    });

    it('makes, lists, changes, and forgets projects', async () => {
      const made = await create('one');
      expect(made.stages.map(({ state }) => state)).toEqual(made.stages.map(() => 'pending'));
      expect(made.job).toBeNull();
      expect(await ask('projects.open', { path: join(root, 'one') })).toEqual(made);
      const changed = await ask('projects.saveConfig', { id: made.id, config: { ...made.config, seed: 5 } });
      expect(changed.config).toEqual({ ...made.config, seed: 5 });
      expect(await refusal('projects.saveConfig', { id: made.id, config: { seed: -1 } })).toBe('CONFIG_INVALID');
      expect((await ask('projects.open', { id: made.id })).config.seed).toBe(5);
      expect(await ask('projects.recent', {})).toMatchObject([{ id: made.id, name: 'one', state: 'new', progress: 0 }]);
      expect(await ask('projects.browse', {})).toEqual([{ path: join(root, 'one', 'one.stepadapt'), name: 'one' }]);
      await ask('projects.forget', { id: made.id });
      expect(await ask('projects.recent', {})).toEqual([]);
      expect(await refusal('projects.open', { id: made.id })).toBe('PROJECT_UNKNOWN');
    });

    it('keeps notes, tags and a colour beside a project', async () => {
      const { id, notes } = await create('one');
      expect(notes).toEqual({ text: '', tags: [], colour: null });
      const written = { text: 'warm-up was too short\nsecond try', tags: ['paper', 'ünïcode'], colour: '#1b8087' };
      const given = { ...written, tags: [' paper ', 'ünïcode', 'paper'] };
      expect((await ask('projects.annotate', { id, notes: given })).notes).toEqual(written);
      expect((await ask('projects.recent', {}))[0].notes).toEqual(written);
      expect((await ask('projects.open', { path: join(root, 'one') })).notes).toEqual(written);
      expect(await refusal('projects.annotate', { id, notes: { ...written, colour: 'red' } })).toBe('BAD_PARAMETERS');
      expect(await refusal('projects.annotate', { id, notes: { ...written, tags: ['a,b'] } })).toBe('BAD_PARAMETERS');

      // A file that is damaged costs nobody the project, and is not lost when new notes are written.
      await writeFile(join(root, 'one/notes.json'), '{"format":"stepadapt-notes","version":2');
      expect((await ask('projects.open', { id })).notes).toEqual(notes);
      await ask('projects.annotate', { id, notes: written });
      expect((await ask('projects.open', { id })).notes).toEqual(written);
      expect(await readFile(join(root, 'one/notes.json.aside'), 'utf8')).toContain('"version":2');
    });

    it('keeps to its folders', async () => {
      const outside = await mkdtemp(join(tmpdir(), 'stepadapt-outside-'));
      try {
        const upwards = { name: '../../x', preset: 'shapes-tiny' };
        expect(await refusal('projects.create', upwards)).toBe('PATH_OUTSIDE_ROOTS');
        expect(await refusal('projects.open', { path: outside })).toBe('PATH_OUTSIDE_ROOTS');
        expect(await refusal('projects.open', { path: join(root, '..') })).toBe('PATH_OUTSIDE_ROOTS');
        const elsewhere = { name: 'x', preset: 'shapes-tiny', parent: outside };
        expect(await refusal('projects.create', elsewhere)).toBe('PATH_OUTSIDE_ROOTS');
        const config = { data: { source: 'images', path: outside } };
        expect(await refusal('projects.create', { name: 'x', preset: 'shapes-tiny', config })).toBe(
          'PATH_OUTSIDE_ROOTS',
        );
      } finally {
        await removeFolder(outside);
      }
    });

    it('previews a design, or says at which field it fails', async () => {
      const { design, problems } = await ask('design.preview', { config: { grouping: { groups: 4 } } });
      expect(problems).toEqual([]);
      expect(design!.bounds).toHaveLength(5);
      expect(design!.snr[0].timestep).toBe(0);
      expect(design!.snr.at(-1)!.timestep).toBe(999);
      const visited = design!.groups.reduce((sum, group) => sum + group.visited, 0);
      const mean = design!.groups.reduce((sum, group) => sum + group.requested * group.visited, 0) / visited;
      expect(mean).toBeCloseTo(design!.mean, 12);
      const bad = await ask('design.preview', { config: { base: { steps: 0 }, seed: 'x' } });
      expect(bad).toMatchObject({ design: null, problems: [{ field: 'seed' }, { field: 'base.steps' }] });
      const unreachable = await ask('design.preview', { config: { budget: { targetMean: 0.01 } } });
      expect(unreachable.problems[0].field).toBe('budget.targetMean');
    });

    it('runs a project and shows it live, and to a window that comes later', async () => {
      const { id } = await create('one');
      const events: AppEvent[] = [];
      let isOpen = false;
      const leave = host.transport.subscribe((message) => {
        isOpen = true;
        if (message.type === 'events') events.push(...message.events);
      });
      await eventually(() => isOpen, Boolean);
      const started = await ask('runs.start', { id });
      expect(started.state).toBe('starting');
      expect((await ask('runs.start', { id })).id).toBe(started.id);
      const engine = await engines.atWork(0);
      engine.say({ type: 'heartbeat', rssBytes: 12345 });
      engine.say({
        type: 'events',
        events: [
          { type: 'log', level: 'info', message: 'hello' },
          { type: 'metric', stage: 'base', step: 1, values: { loss: 0.5 } },
          { type: 'sample', stage: 'base', step: 300, path: join(root, 'one/stages/base/samples/step-0000300.png') },
        ],
      });
      await mkdir(join(root, 'one/stages/base/samples'), { recursive: true });
      await writeFile(join(root, 'one/stages/base/samples/step-0000300.png'), PIXEL);
      await eventually(
        () => events,
        (seen) => seen.some((event) => event.type === 'pipeline' && event.event.type === 'sample'),
      );
      const sample = events.flatMap((e) => (e.type === 'pipeline' && e.event.type === 'sample' ? [e.event] : []))[0];
      const snapshot = await ask('runs.snapshot', { id });
      expect(snapshot.job).toMatchObject({ state: 'running', rssBytes: 12345 });
      expect(snapshot.log.map(({ message }) => message)).toEqual(['hello']);
      expect(snapshot.samples).toEqual([{ stage: 'base', step: 300, image: sample.path }]);
      expect((await ask('runs.snapshot', { id, since: snapshot.seq })).log).toEqual([]);
      expect(await host.get(imageUrl(sample.path))).toEqual(new Uint8Array(PIXEL));

      engine.end({ type: 'finished', forecast: null });
      await eventually(
        () => events,
        (seen) => seen.some((event) => event.type === 'job' && event.job.state === 'finished'),
      );
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => events[0].seq + index));
      expect(
        events.flatMap((e) => (e.type === 'job' ? [e.job.state] : [])).filter((s, i, all) => s !== all[i - 1]),
      ).toEqual(['queued', 'starting', 'running', 'finished']);
      leave();
    });

    it('goes on with the stream where a reader stopped, or says that it cannot', async () => {
      const messages: StreamMessage[] = [];
      const leave = host.transport.subscribe((message) => messages.push(message));
      await eventually(
        () => messages.length,
        (count) => count > 0,
      );
      const { id } = await create('one');
      await ask('queue.pause', {});
      await eventually(
        () => messages,
        (seen) => seen.some(({ type }) => type === 'events'),
      );
      leave();
      const [hello] = messages;
      expect(hello.type).toBe('hello');
      const { epoch } = hello as { epoch: string };
      const first = messages.flatMap((message) => (message.type === 'events' ? message.events : []))[0];
      await ask('projects.open', { id });

      const later: StreamMessage[] = [];
      const leaveLater = host.transport.subscribe((message) => later.push(message), { epoch, seq: first.seq });
      await eventually(
        () => later,
        (seen) => seen.some(({ type }) => type === 'events'),
      );
      leaveLater();
      expect(later[0]).toEqual({ type: 'hello', epoch, seq: first.seq });
      expect((later[1] as Extract<StreamMessage, { type: 'events' }>).events[0].seq).toBe(first.seq + 1);

      const lost: StreamMessage[] = [];
      const leaveLost = host.transport.subscribe((message) => lost.push(message), { epoch: 'another life', seq: 1 });
      await eventually(
        () => lost,
        (seen) => seen.length > 0,
      );
      leaveLost();
      expect(lost[0]).toMatchObject({ type: 'reset', epoch });
    });

    it('queues runs, and lets them be moved, removed, paused and stopped', async () => {
      const ids: string[] = [];
      for (const project of ['one', 'two', 'three']) ids.push((await create(project)).id);
      for (const id of ids) await ask('queue.add', { id });
      const { jobs } = await ask('queue.list', {});
      expect(jobs.map(({ projectName }) => projectName)).toEqual(['one', 'two', 'three']);
      expect((await ask('queue.move', { job: jobs[2].id, to: 0 })).jobs.map(({ projectId }) => projectId)).toEqual([
        ids[0],
        ids[2],
        ids[1],
      ]);
      expect((await ask('queue.remove', { job: jobs[1].id })).jobs).toHaveLength(2);
      expect(await refusal('queue.remove', { job: jobs[0].id })).toBe('JOB_NOT_WAITING');
      expect((await ask('queue.pause', {})).paused).toBe(true);
      const engine = await engines.atWork(0);
      expect((await ask('runs.pause', { id: ids[0] })).state).toBe('pausing');
      engine.end({ type: 'stopped' });
      const view = await eventually(
        () => ask('projects.open', { id: ids[0] }),
        ({ job }) => job!.state === 'paused',
      );
      expect(view.job!.can).toEqual({ start: true, pause: false, stop: true });
      expect((await ask('runs.stop', { id: ids[0] })).state).toBe('interrupted');
      expect((await ask('queue.resume', {})).jobs[0]).toMatchObject({ projectId: ids[2], state: 'starting' });
      expect(await refusal('runs.stop', { id: ids[0] })).toBe('JOB_NOT_ACTIVE');
      expect(await refusal('runs.start', { id: ids[0], until: 'nowhere' })).toBe('STAGE_UNKNOWN');
    });

    it('measures a forecast in a process of its own', async () => {
      const { id } = await create('one');
      const asked = ask('design.forecast', { id });
      const engine = await engines.atWork(0);
      expect(engine.received[0]).toMatchObject({ type: 'forecast' });
      const evaluation = { seconds: 3, images: 1500, macs: 1e12 };
      const forecast = { seconds: 12, peakBytes: 3e8, diskBytes: 4e7, evaluation };
      engine.end({ type: 'finished', forecast });
      expect(await asked).toEqual(forecast);
    });

    it('draws samples: with the run at work, or in a process of their own', async () => {
      const { id } = await create('one');
      const wish = { id, seed: 7, count: 4 };
      expect(await refusal('samples.draw', { ...wish, model: 'training' })).toBe('NOTHING_IN_TRAINING');
      expect(await refusal('samples.draw', { ...wish, model: 'base', count: 65 })).toBe('BAD_PARAMETERS');
      const name = '20261126184500123-base-step30-seed7-count4';
      const drawn = { at: '2026-11-26T18:45:00.123Z', model: 'base', step: 30, seed: 7, count: 4 };
      await mkdir(join(root, 'one/samples'));
      await writeFile(join(root, 'one/samples', `${name}.png`), PIXEL);

      const apart = ask('samples.draw', { ...wish, model: 'base' });
      const own = await engines.atWork(0);
      expect(own.received[0]).toMatchObject({ type: 'draw', model: 'base', seed: 7, count: 4 });
      own.say({ type: 'drawn', request: null, name });
      own.end({ type: 'finished', forecast: null });
      expect(await apart).toMatchObject(drawn);
      expect(await host.get(imageUrl((await apart).image))).toEqual(new Uint8Array(PIXEL));
      expect((await ask('runs.snapshot', { id })).drawn).toEqual([await apart]);

      const failing = refusal('samples.draw', { ...wish, model: 'adaptive' });
      const error = { code: 'MODEL_NOT_TRAINED', message: 'not yet', hint: 'later' };
      (await engines.atWork(1)).end({ type: 'failed', error });
      expect(await failing).toBe('MODEL_NOT_TRAINED');

      await ask('runs.start', { id });
      const run = await engines.atWork(2);
      expect(await refusal('samples.draw', { ...wish, model: 'training' })).toBe('NOTHING_IN_TRAINING');
      run.say({ type: 'events', events: [{ type: 'state', stage: 'base', state: 'running' }] });
      const within = ask('samples.draw', { ...wish, model: 'training' });
      await eventually(
        () => run.received.at(-1)!,
        ({ type }) => type === 'drawNow',
      );
      expect(run.received.at(-1)).toEqual({ type: 'drawNow', request: 1, seed: 7, count: 4 });
      run.say({ type: 'drawn', request: 1, name });
      expect(await within).toMatchObject(drawn);
    });

    it('lists the checkpoints that are kept, with their sizes', async () => {
      const { id } = await create('one');
      expect(await ask('checkpoints.list', { id })).toEqual([]);
      const write = async (stage: string, step: string, bytes: number) => {
        const folder = join(root, 'one/stages', stage, 'checkpoints', step);
        await mkdir(join(folder, 'unet'), { recursive: true });
        await writeFile(join(folder, 'state.json'), 'x'.repeat(bytes - 10));
        await writeFile(join(folder, 'unet/config.json'), 'x'.repeat(10));
      };
      await write('experts/1', 'step-00000004', 50);
      await write('base', 'step-00000200', 300);
      await write('base', 'step-00000100', 100);
      // What is being written or removed does not count.
      await write('base', '.writing-step-00000300', 900);
      const list = await ask('checkpoints.list', { id });
      expect(list.map(({ stage, kept }) => [stage, kept.map(({ step, bytes }) => [step, bytes])])).toEqual([
        [
          'base',
          [
            [100, 100],
            [200, 300],
          ],
        ],
        ['experts/1', [[4, 50]]],
      ]);
      expect(Date.now() - Date.parse(list[0].kept[0].at)).toBeLessThan(60_000);
    });

    it('a host that comes later shows what was logged before', async () => {
      const { id } = await create('one');
      await ask('runs.start', { id });
      const engine = await engines.atWork(0);
      engine.say({ type: 'events', events: [{ type: 'log', level: 'warn', message: 'remember me' }] });
      engine.end({ type: 'finished', forecast: null });
      await eventually(
        () => ask('runs.snapshot', { id }),
        ({ job }) => job?.state === 'finished',
      );
      await host.close();
      await app.close();
      const dataFolder = join(root, 'data');
      app = await createApplication({ host: 'process', dataFolder, roots: [root], spawn: engines.spawn });
      host = await open(app);
      const { log, seq } = await ask('runs.snapshot', { id });
      expect(log).toMatchObject([{ level: 'warn', message: 'remember me' }]);
      expect(log[0].seq).toBeLessThan(0);
      expect((await ask('runs.snapshot', { id, since: seq })).log).toEqual([]);
    });

    it('compares projects, and has nothing to show before they are evaluated', async () => {
      const one = await create('one');
      const two = await create('two');
      await ask('projects.saveConfig', { id: two.id, config: { ...two.config, seed: 9 } });
      expect(await ask('compare', { ids: [one.id, two.id] })).toEqual({
        projects: [
          { id: one.id, name: 'one' },
          { id: two.id, name: 'two' },
        ],
        differences: [{ field: 'seed', values: [0, 9] }],
        results: [null, null],
        protocolDifferences: [],
        comparable: true,
      });
      await mkdir(join(root, 'two/stages/base'), { recursive: true });
      const line = { step: 4, loss: 0.25, gradientNorm: 2, learningRate: 0.001, lossByTimestep: [0.25] };
      await writeFile(join(root, 'two/stages/base/metrics.jsonl'), `${JSON.stringify(line)}\n`);
      expect(await ask('compare.metrics', { ids: [one.id, two.id] })).toMatchObject([
        null,
        { steps: [4], loss: [0.25] },
      ]);
      expect(await refusal('compare.metrics', { ids: [one.id], stage: '../..' })).toBe('STAGE_UNKNOWN');
      expect(await refusal('results.get', { id: one.id })).toBe('NOT_EVALUATED');
      expect(await refusal('report.create', { id: one.id })).toBe('NOT_EVALUATED');
      expect(await ask('report.list', { id: one.id })).toEqual([]);
      expect((await ask('experts.get', { id: one.id })).map(({ state }) => state)).toEqual(Array(5).fill('pending'));
    });

    it('hands out files by id alone', async () => {
      const { id } = await create('one');
      await mkdir(join(root, 'one/stages/base'), { recursive: true });
      const line = { step: 1, loss: 0.5, gradientNorm: 2, learningRate: 0.001, lossByTimestep: [] };
      await writeFile(join(root, 'one/stages/base/metrics.jsonl'), `${JSON.stringify(line)}\n{"step": 2, "lo`);
      const { url } = await ask('exports.csv', { id, table: 'metrics' });
      const csv = Buffer.from((await host.get(url))!).toString();
      expect(csv).toBe('stage,step,loss,gradient_norm,learning_rate\nbase,1,0.5,2,0.001\n');
      expect((await ask('runs.snapshot', { id })).metrics).toMatchObject([{ stage: 'base', steps: [1], loss: [0.5] }]);
      for (const wrong of [
        imageUrl(`${id}~base~..`),
        imageUrl(`${id}~base~step-1/../../../one`),
        `/api/image/${id}~base~%2e%2e`,
        `/api/report/${id}/x/..%2f..%2fone.stepadapt`,
        `/api/report/${id}/../one.stepadapt`,
        `/api/report/${id}/reports/report.html`,
        `/api/metrics/${'0'.repeat(16)}/metrics.csv`,
        '/api/nothing',
      ]) {
        expect(await host.get(wrong), wrong).toBeNull();
      }
    });

    it('shows the first images of the data, or says why they cannot be read', async () => {
      const { id, config } = await create('one');
      const { image, ...shown } = await ask('data.preview', { id });
      expect(shown).toMatchObject({ shown: 24, size: 16, channels: 3 });
      const png = await host.get(image.url);
      expect([...png!.subarray(1, 4)].map((code) => String.fromCharCode(code)).join('')).toBe('PNG');
      const data = { ...(config['data'] as object), source: 'images', path: join(root, 'no pictures') };
      await ask('projects.saveConfig', { id, config: { ...config, data } });
      expect(await refusal('data.preview', { id })).toMatch(/^DATA_/);
      expect(await host.get(image.url)).toBeNull();
    });

    it('names damage to files, and repairs it when nobody writes to the project', async () => {
      const { id } = await create('one');
      expect(await ask('projects.verify', { id })).toMatchObject({ intact: true, findings: [] });
      await mkdir(join(root, 'one/jobs'));
      await writeFile(join(root, 'one/jobs/20260101-aaaaaaaa.json'), '{"format":');
      const { findings, ...found } = await ask('projects.verify', { id });
      expect(found.intact).toBe(false);
      expect(found.stages[0]).toEqual({ id: 'base', state: 'not begun', checked: 0 });
      expect(findings).toMatchObject([
        { kind: 'damage', path: join('jobs', '20260101-aaaaaaaa.json'), problem: 'is not readable', stage: null },
      ]);
      expect(findings[0].effect).toContain('its results are not');

      const release = await lockProject(await openProject(join(root, 'one')));
      expect(await refusal('projects.verify', { id })).toBe('PROJECT_LOCKED');
      expect(await refusal('projects.repair', { id })).toBe('PROJECT_LOCKED');
      await release();
      const repair = await ask('projects.repair', { id });
      expect(repair.actions).toHaveLength(1);
      expect(repair.after).toMatchObject({ intact: true, findings: [] });
      expect(await readdir(join(root, 'one', repair.setAside!, 'jobs'))).toEqual(['20260101-aaaaaaaa.json']);
    });

    it('makes new projects as the settings say', async () => {
      await ask('settings.set', { engine: 'wasm', keepCheckpoints: 7, projectsFolder: join(root, 'elsewhere') });
      const made = await create('one');
      expect(made.place).toBe(join(root, 'elsewhere', 'one'));
      expect(made.config).toMatchObject({ engine: 'wasm', base: { keepCheckpoints: 7 } });
      // What is given in full is taken as it is.
      const { config } = await ask('projects.create', { name: 'two', preset: 'shapes-tiny', config: { seed: 3 } });
      expect(config).toMatchObject({ engine: 'auto', seed: 3 });
      expect(await refusal('settings.set', { projectsFolder: join(root, '..') })).toBe('PATH_OUTSIDE_ROOTS');
      expect((await ask('settings.get', {})).projectsFolder).toBe(join(root, 'elsewhere'));
      expect(await refusal('settings.set', { keepCheckpoints: 0 })).toBe('BAD_PARAMETERS');
    });

    it('says where the key of a language model comes from, and keeps none without a safe place', async () => {
      const { source, trouble } = await ask('languageModelKey.get', {});
      expect(source).toBeNull();
      expect(trouble).toContain('STEPADAPT_LANGUAGE_MODEL_KEY');
      const given = { key: 'sk-1', address: 'https://models.example/v1' };
      expect(await refusal('languageModelKey.set', given)).toBe('KEY_NOT_KEPT');
      for (const wrong of [{ ...given, key: 'two\nlines' }, { ...given, address: 'file:///etc' }, { key: 'sk-1' }]) {
        expect(await refusal('languageModelKey.set', wrong)).toBe('BAD_PARAMETERS');
      }
      expect(await ask('languageModelKey.forget', {})).toMatchObject({ source: null, address: null });
    });

    it('keeps settings', async () => {
      expect((await ask('settings.get', {})).theme).toBe('system');
      expect(await ask('settings.set', { theme: 'dark' })).toMatchObject({ theme: 'dark', keepAwake: true });
      expect((await ask('settings.get', {})).theme).toBe('dark');
      const changes = [{ keepAwake: false }, { notifications: false }, { pauseOnBattery: true }];
      await Promise.all(changes.map((change) => ask('settings.set', change)));
      expect(await ask('settings.get', {})).toMatchObject(Object.assign({ theme: 'dark' }, ...changes));
      expect(await refusal('settings.set', { theme: 'pink' })).toBe('BAD_PARAMETERS');
    });
  });
}
