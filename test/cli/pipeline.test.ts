import { mkdtemp, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNpz } from '../../src/formats/npz.js';
import type { EngineStatus } from '../../src/tensor/engine.js';
import { makeImageFolder, runCli, tinyExperiment } from './runCli.js';
import { removeFolder } from '../removeFolder.js';

const probed = JSON.parse((await runCli(['engines', '--json'])).stdout) as EngineStatus[];
const engines = probed.filter((engine) => engine.available).map((engine) => engine.id);
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-cli-'));
  await makeImageFolder(join(root, 'images'), 40);
});
afterAll(() => removeFolder(root));

const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown> & { type: string });

describe.each(engines)('from config to report on the %s engine', (engine) => {
  let folder: string;
  beforeAll(async () => {
    folder = join(root, `run ${engine}`);
    const made = await runCli(['new', folder, ...tinyExperiment(join(root, 'images'), { engine })]);
    expect(made).toMatchObject({ code: 0, stderr: '' });
  });

  it('plans without writing anything', async () => {
    const before = await readdir(folder);
    const planned = await runCli(['plan', folder, '--json']);
    expect(planned.code).toBe(0);
    const plan = JSON.parse(planned.stdout);
    expect(plan.groups).toHaveLength(2);
    expect(plan.groups[0].from).toBe(0);
    expect(plan.groups[1].to).toBe(50);
    expect(plan.groups[0].requested).toBe(1);
    expect(plan.mean).toBeCloseTo(0.8, 1);
    const { seconds, peakBytes, diskBytes, evaluation } = plan.forecast;
    for (const value of [seconds, peakBytes, diskBytes, evaluation.seconds]) expect(value).toBeGreaterThan(0);
    expect(await readdir(folder)).toEqual(before);
  });

  it('runs every stage, and prints JSON lines that end with the comparison', async () => {
    const ran = await runCli(['run', folder, '--json']);
    expect(ran.code, ran.stderr).toBe(0);
    const events = lines(ran.stdout);
    const { result } = events[events.length - 1] as unknown as {
      result: { report: string; rows: { model: string; macsRatio: number; value: number; samples: number }[] };
    };
    expect(events[events.length - 1].type).toBe('result');
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['state', 'progress', 'metric', 'sample', 'log', 'result']),
    );
    expect(result.rows.map(({ model }) => model)).toEqual(['base', 'uniform', 'adaptive']);
    expect(result.rows[0].macsRatio).toBe(1);
    for (const row of result.rows) {
      expect(row.samples).toBe(6);
      expect(row.value).toBeGreaterThan(0);
    }
    expect(result.rows[2].macsRatio).toBeLessThan(0.9);
    expect(await readFile(result.report, 'utf8')).toContain('<!doctype html>');
    // A window that comes later shows what was said.
    expect(await readFile(join(folder, 'jobs', 'log.jsonl'), 'utf8')).toContain('"message":"evaluation: done"');
  });

  it('says that everything is done, and does nothing again', async () => {
    const status = JSON.parse((await runCli(['status', folder, '--json'])).stdout);
    expect(status.stages.map(({ state }: { state: string }) => state)).toEqual(Array(7).fill('done'));
    const weights = join(folder, 'stages', 'base', 'stage.json');
    const before = await stat(weights);
    const again = await runCli(['run', folder, '--json']);
    expect(lines(again.stdout).filter(({ type }) => type === 'progress')).toEqual([]);
    expect((await stat(weights)).mtimeMs).toBe(before.mtimeMs);
    expect(await readdir(join(folder, 'reports'))).toHaveLength(1);
  });

  it('samples any model, the same images for any number of them', async () => {
    const draw = async (model: string, count: number) => {
      const out = join(root, `${engine}-${model}-${count}.npz`);
      const args = ['sample', folder, '--model', model, '--count', String(count), '--seed', '5', '--out', out];
      expect((await runCli(args)).code).toBe(0);
      return decodeNpz(await readFile(out)).get('arr_0')!;
    };
    const one = await draw('adaptive', 1);
    const three = await draw('adaptive', 3);
    expect(three.shape).toEqual([3, 8, 8, 3]);
    expect([...(three.data as Uint8Array).subarray(0, 192)]).toEqual([...(one.data as Uint8Array)]);
    expect((await draw('base', 1)).data).not.toEqual(one.data);
  });

  it('writes another report beside the first', async () => {
    const [first] = await readdir(join(folder, 'reports'));
    await new Promise((resume) => setTimeout(resume, 1100));
    const report = JSON.parse((await runCli(['report', folder, '--json'])).stdout);
    expect(report.report).not.toContain(first);
    expect(await readdir(join(folder, 'reports'))).toHaveLength(2);
  });

  it('computes only what a changed config touches', async () => {
    const path = join(folder, `run ${engine}.stepadapt`);
    const file = JSON.parse(await readFile(path, 'utf8'));
    file.config.evaluation.samples = 7;
    await writeFile(path, JSON.stringify(file));
    const status = JSON.parse((await runCli(['status', folder, '--json'])).stdout);
    expect(status.stages.filter(({ state }: { state: string }) => state === 'stale')).toMatchObject([
      { id: 'evaluation' },
    ]);
    const ran = await runCli(['run', folder, '--json']);
    expect(ran.code).toBe(0);
    const started = lines(ran.stdout).filter((event) => event.type === 'state' && event.state === 'running');
    expect(started).toMatchObject([{ stage: 'evaluation' }]);
  });
});

it('tests the native engine where it is installed', () => {
  if (!engines.includes('native')) console.warn('skipped on the native engine: it is not installed on this machine');
  expect(engines).toContain('wasm');
});

describe('the demo', () => {
  it('makes a project, runs it to the comparison, and is finished when asked again', async () => {
    const folder = join(root, 'demo');
    const ran = await runCli(['demo', '--dir', folder, ...tinyExperiment(join(root, 'images')), '--json']);
    expect(ran.code, ran.stderr).toBe(0);
    const last = lines(ran.stdout).at(-1) as unknown as { result: { rows: { model: string }[] } };
    expect(last.result.rows.map(({ model }) => model)).toEqual(['base', 'uniform', 'adaptive']);
    const log = () => readFile(join(folder, 'jobs', 'log.jsonl'), 'utf8');
    expect(await log()).toContain('the whole demo takes about');
    expect((await runCli(['demo', '--dir', folder, '--json'])).code).toBe(0);
    expect(await log()).toContain('is finished, nothing is computed again');
  });
});
