import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { chooseSamplingBatch, fastest } from '../../src/pipeline/samplingBatch.js';
import { stageContext, TINY } from './stageContext.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sampling-batch-'));
});
afterEach(() => rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));

const MANY = 10_000;

async function evaluation(batch: number) {
  const context = await stageContext(root, 'evaluation', { ...TINY, sampling: { steps: 4, batch } });
  await mkdir(context.folder, { recursive: true });
  const called: number[] = [];
  const openBase = async () => ({
    predict: (x: Float32Array, count: number) => {
      called.push(count);
      return { noise: x };
    },
    dispose: () => called.push(-1),
  });
  return { context, called, choose: (images: number) => chooseSamplingBatch(context, openBase, images) };
}

it('takes a smaller batch only if it is clearly faster', () => {
  const measured = (...speeds: number[]) =>
    speeds.map((imagesPerSecond, index) => ({ batch: 64 >> index, imagesPerSecond }));
  expect(fastest(measured(100, 104, 90))).toBe(64);
  expect(fastest(measured(100, 110, 112))).toBe(32);
  expect(fastest(measured(100, 110, 120))).toBe(16);
});

it('measures once, and keeps the choice for the stage whatever the machine does later', async () => {
  const { context, called, choose } = await evaluation(32);
  const chosen = await choose(MANY);
  expect([32, 16, 8]).toContain(chosen);
  expect(new Set(called)).toEqual(new Set([32, 16, 8, -1]));
  const record = JSON.parse(await readFile(join(context.folder, 'sampling-batch.json'), 'utf8'));
  expect(record).toMatchObject({ batch: chosen, most: 32 });
  expect(record.measured).toHaveLength(3);
  expect(context.events).toEqual([expect.objectContaining({ type: 'log', level: 'info' })]);

  const before = called.length;
  expect(await choose(MANY)).toBe(chosen);
  expect(called).toHaveLength(before);
});

it('measures nothing for few images', async () => {
  const { called, choose } = await evaluation(32);
  expect(await choose(32)).toBe(32);
  expect(called).toEqual([]);
});

it('measures again where the config allows another batch', async () => {
  await (await evaluation(32)).choose(MANY);
  const { called, choose } = await evaluation(16);
  expect(await choose(MANY)).toBeLessThanOrEqual(16);
  expect(Math.max(...called)).toBe(16);
});
