import { cp, mkdtemp, readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeNpz } from '../../src/formats/npz.js';
import { makeImageFolder, runCli, tinyExperiment } from '../cli/runCli.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-kill-'));
  await makeImageFolder(join(root, 'images'), 40);
  const settings = { 'model.dropout': 0.1, 'data.flip': true, 'experts.outsideProbability': 0.2, 'base.microBatch': 3 };
  await runCli(['new', join(root, 'fresh'), '--name', 'p', ...tinyExperiment(join(root, 'images'), settings)]);
});
afterAll(() => removeFolder(root));

/** Timings and memory differ from run to run; everything else a run leaves behind must not. */
function withoutTimings(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTimings);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !['seconds', 'secondsPerImage', 'startedAt', 'finishedAt', 'peakRssBytes'].includes(key))
      .map(([key, inner]) => [key, withoutTimings(inner)]),
  );
}

/** Every result file of a project, by path: JSON and arrays without timings, other files as they are. */
async function results(project: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const name of await readdir(join(project, 'stages'), { recursive: true })) {
    const path = join(project, 'stages', name);
    const bytes = await readFile(path).catch(() => null);
    if (bytes === null || name.endsWith('clock.jsonl') || name.endsWith('files.json')) continue;
    if (name.endsWith('.json') && !name.includes('checkpoints'))
      found[name] = withoutTimings(JSON.parse(bytes.toString()));
    else if (name.endsWith('memory.jsonl')) {
      found[name] = bytes
        .toString()
        .trim()
        .split('\n')
        .map((line) => withoutTimings(JSON.parse(line)));
    } else if (name.endsWith('.npz')) {
      const arrays = [...decodeNpz(bytes, name)].map(([key, { shape, data }]) => [key, { shape, data: [...data] }]);
      found[name] = withoutTimings(Object.fromEntries(arrays));
    } else found[name] = bytes.toString('base64');
  }
  return found;
}

const start = async (name: string) => {
  await cp(join(root, 'fresh'), join(root, name), { recursive: true });
  return join(root, name);
};

it('killed at many points, a run ends as the uninterrupted one, byte for byte', { timeout: 900_000 }, async () => {
  const straight = await start('straight');
  expect((await runCli(['run', straight, '--json'])).code).toBe(0);
  const expected = await results(straight);
  expect(Object.keys(expected)).toEqual(
    expect.arrayContaining(['base/metrics.jsonl', 'experts/1/pruning.json', 'evaluation/evaluation.json']),
  );

  const killed = await start('killed');
  let kills = 0;
  for (let attempt = 0; attempt < 6; attempt++) {
    // Each attempt dies after a few reports of work done: in data, training, search, fine-tuning, sampling, evaluation.
    const after = 5 + ((attempt * 5) % 7);
    let seen = 0;
    const run = await runCli(['run', killed, '--json'], {
      onOutput: (text, kill) => {
        seen += text.split('"type":"progress"').length - 1;
        if (seen >= after) kill('SIGKILL');
      },
    });
    if (run.code === 0) break;
    kills += 1;
  }
  expect(kills).toBeGreaterThan(2);
  expect((await runCli(['run', killed, '--json'])).code).toBe(0);
  expect(await results(killed)).toEqual(expected);
});

it('Ctrl-C stops with a checkpoint, says so, and the next run goes on', { timeout: 600_000 }, async () => {
  const project = await start('stopped');
  let asked = false;
  const stopped = await runCli(['run', project, '--json'], {
    onOutput: (text, kill) => {
      if (asked || !text.includes('"type":"metric"')) return;
      asked = true;
      kill('SIGINT');
    },
  });
  expect(stopped.code).toBe(130);
  expect(JSON.parse(stopped.stdout.trim().split('\n').at(-1)!)).toMatchObject({ error: { code: 'INTERRUPTED' } });
  const status = JSON.parse((await runCli(['status', project, '--json'])).stdout) as {
    stages: { id: string; state: string; progress: number }[];
  };
  expect(status.stages[0]).toMatchObject({ id: 'base', state: 'interrupted' });
  const resumed = await runCli(['run', project, '--json', '--until', 'base']);
  expect(resumed.code).toBe(0);
  const first = resumed.stdout.split('\n').find((line) => line.includes('"unit":"step"'))!;
  expect((JSON.parse(first) as { done: number }).done).toBeGreaterThan(0);
});
