import { mkdtemp, readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelFolder } from '../../src/model/diffusersFolder.js';
import { countModel } from '../../src/model/countModel.js';
import { makeImageFolder, runCli, tinyExperiment } from './runCli.js';
import { removeFolder } from '../removeFolder.js';

const model = resolve(import.meta.dirname, '../golden/unet-small');
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-pruning-'));
});
afterAll(() => removeFolder(root));

it('count lists the groups of tied channels', async () => {
  const ran = await runCli(['count', '--preset', 'cifar10-ddpm', '--groups', '--json']);
  const { macsPublished, groups } = JSON.parse(ran.stdout) as { macsPublished: number; groups: { norms: unknown[] }[] };
  expect(macsPublished).toBe(6_065_456_000);
  expect(groups).toHaveLength(50);
  expect(groups.filter(({ norms }) => norms.length > 0)).toHaveLength(40);
});

describe('prune', () => {
  it('writes the pruned folder, and says what was asked for and what came of it', async () => {
    const out = join(root, 'pruned');
    const ran = await runCli(['prune', '--model', model, '--ratio', '0.5', '--scope', 'all', '--out', out, '--json']);
    expect(ran.code, ran.stderr).toBe(0);
    const result = JSON.parse(ran.stdout);
    const before = await readModelFolder(model);
    const after = await readModelFolder(out);
    expect(result.before).toEqual(countModel(before.spec));
    expect(result.after).toEqual(countModel(after.spec));
    expect(result.requested).toBe(0.5);
    expect(result.effective.macs).toBeCloseTo(1 - result.after.macs / result.before.macs, 12);
    expect(result.effective.channels).toBe(0.5);
    expect(after.spec.convIn).toBe(before.spec.convIn / 2);
    expect(after.spec.down[0].blocks[0].res.norm1Groups).toBe(before.spec.down[0].blocks[0].res.norm1Groups);
  });

  it.each([
    ['a ratio of everything', ['--ratio', '1'], 'BAD_OPTION'],
    ['a criterion that needs data', ['--ratio', '0.3', '--criterion', 'taylor'], 'BAD_USAGE'],
    ['whole norm groups of streams', ['--ratio', '0.3', '--scope', 'all', '--policy', 'whole-groups'], 'PRUNING_RULE'],
  ])('refuses %s, and writes nothing', async (_what, options, code) => {
    const out = join(root, 'refused');
    const ran = await runCli(['prune', '--model', model, '--out', out, ...options, '--json']);
    expect(ran.code).toBe(2);
    expect(JSON.parse(ran.stdout).error.code).toBe(code);
    await expect(readdir(out)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does not replace a model', async () => {
    const out = join(root, 'twice');
    const prune = (ratio: string) => runCli(['prune', '--model', model, '--ratio', ratio, '--out', out, '--json']);
    expect((await prune('0.25')).code).toBe(0);
    const config = await readFile(join(out, 'unet', 'config.json'), 'utf8');
    const again = await prune('0.5');
    expect(again.code).toBe(2);
    expect(JSON.parse(again.stdout).error.code).toBe('MODEL_EXISTS');
    expect(await readFile(join(out, 'unet', 'config.json'), 'utf8')).toBe(config);
  });
});

describe('a project whose whole network is pruned', () => {
  let project: string;
  beforeAll(async () => {
    project = join(root, 'project');
    const settings = {
      'budget.targetMean': 0.75,
      'pruning.scope': 'all',
      'pruning.normPolicy': 'equal-per-group',
      'pruning.importance': 'diff-pruning',
      'pruning.allocator': 'uniform',
      'pruning.rounds': 1,
      'diffusion.timesteps': 20,
      'base.steps': 2,
      'evaluation.uniformBaseline': false,
    };
    const images = await makeImageFolder(join(root, 'images'), 40);
    expect(await runCli(['new', project, ...tinyExperiment(images, settings)])).toMatchObject({ code: 0, stderr: '' });
  });

  it('has no importance before its base is trained', async () => {
    const ran = await runCli(['importance', project, '--group', '0', '--json']);
    expect(ran.code).toBe(2);
    expect(JSON.parse(ran.stdout).error.code).toBe('BASE_NOT_TRAINED');
  });

  it('runs to its experts, whose streams are narrower', async () => {
    const ran = await runCli(['run', project, '--until', 'experts', '--json']);
    expect(ran.code, ran.stderr).toBe(0);
    const folder = join(project, 'stages', 'experts', '1');
    const pruning = JSON.parse(await readFile(join(folder, 'pruning.json'), 'utf8'));
    expect(pruning).toMatchObject({ scope: 'all', normPolicy: 'equal-per-group', importance: 'diff-pruning' });
    expect(Math.abs(pruning.effective - pruning.requested)).toBeLessThan(0.1);
    const streams = (pruning.widths as { id: string; full: number; kept: number }[]).filter(({ id }) =>
      id.endsWith('.out'),
    );
    expect(streams.length).toBeGreaterThan(5);
    expect(streams.some(({ full, kept }) => kept < full)).toBe(true);
    const losses = JSON.parse(await readFile(join(folder, 'losses.json'), 'utf8'));
    for (const part of ['base', 'sliced', 'tuned']) expect(losses[part]).toBeGreaterThan(0);
    const planned = await runCli(['plan', project, '--json']);
    expect(JSON.parse(planned.stdout).groups[1]).toMatchObject({ effective: pruning.effective, provisional: false });
  });

  it('then says how important every channel is, with confidence', async () => {
    const ran = await runCli(['importance', project, '--group', '1', '--json']);
    expect(ran.code, ran.stderr).toBe(0);
    const pruning = JSON.parse(await readFile(join(project, 'stages', 'experts', '1', 'pruning.json'), 'utf8'));
    const result = JSON.parse(ran.stdout);
    expect(result).toMatchObject({
      criterion: 'diff-pruning',
      group: { index: 1, from: pruning.from, to: pruning.to },
    });
    // The same evidence as the expert's.
    expect(result.confidence).toBe(pruning.confidence);
    expect(result.widths.map(({ id }: { id: string }) => id)).toEqual(
      pruning.widths.map(({ id }: { id: string }) => id),
    );
    for (const { width, scores, sets } of result.widths) {
      expect(scores).toHaveLength(width);
      expect(
        sets.flatMap(({ channels }: { channels: number[] }) => channels).sort((a: number, b: number) => a - b),
      ).toEqual(Array.from({ length: width }, (_, channel) => channel));
    }
    const text = await runCli(['importance', project, '--group', '0', '--criterion', 'l2']);
    expect(text.stdout).toMatch(/criterion l2/);
    const refused = await runCli(['importance', project, '--group', '7', '--json']);
    expect(JSON.parse(refused.stdout).error.code).toBe('BAD_OPTION');
  });
});
