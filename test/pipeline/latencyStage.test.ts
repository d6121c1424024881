import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pruningResultSchema } from '../../src/contract/results.js';
import { costOfWidths, widthSpace } from '../../src/method/widthSpace.js';
import { networkMacs } from '../../src/model/countModel.js';
import { withWidths } from '../../src/model/withWidths.js';
import { readLatencyTable } from '../../src/pipeline/latencyFile.js';
import { pipelineStages } from '../../src/pipeline/pipelineStages.js';
import { baseStage } from '../../src/pipeline/stages/baseStage.js';
import { expertStage } from '../../src/pipeline/stages/expertStage.js';
import { latencyStage } from '../../src/pipeline/stages/latencyStage.js';
import { parseConfig } from '../../src/project/project.js';
import { stageContext, TINY } from './stageContext.js';

// Attention reads queries, keys and values of its own; a block at each of two sizes.
const config = {
  ...TINY,
  model: { channels: 8, multipliers: [1, 2], blocks: 1, attention: [4], normGroups: 4 },
  pruning: { ...TINY.pruning, cost: 'latency', scope: 'inner+attention', minimumKeep: 0.25 },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latency-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));

describe('latency stage', () => {
  it('records times of every width, once, and leaves no tensor behind', async () => {
    const context = await stageContext(folder, 'latency', config);
    const before = tf.memory().numTensors;
    await latencyStage(context.config).run(context);
    expect(tf.memory().numTensors).toBe(before);
    const table = await readLatencyTable(context.store);
    const { choices } = widthSpace(context.design.spec, context.config.pruning);
    expect(table.widths.map(({ id, full }) => ({ id, full }))).toEqual(choices.map(({ id, full }) => ({ id, full })));
    table.widths.forEach(({ points }, index) => {
      const { minimum, full, unit } = choices[index];
      expect([points[0].width, points[points.length - 1].width]).toEqual([minimum, full]);
      points.slice(1).forEach(({ width }, i) => expect(width).toBeGreaterThan(points[i].width));
      expect(points.every(({ width, milliseconds }) => width % unit === 0 && milliseconds > 0)).toBe(true);
    });
    expect(table.engine.id).toBe('wasm');
    expect(table.batch).toBe(TINY.sampling.batch);
  });

  it('is what experts are pruned by: the same widths from the same table', async () => {
    const base = await stageContext(folder, 'base', config);
    await baseStage(base.config).run(base);
    const expert = async () => {
      const context = await stageContext(folder, 'experts/1', config);
      await rm(context.folder, { recursive: true, force: true });
      await expertStage(context.config, 1).run(context);
      return pruningResultSchema.parse(JSON.parse(await readFile(join(context.folder, 'pruning.json'), 'utf8')));
    };
    const first = await expert();
    const context = await stageContext(folder, 'latency', config);
    const { spec, groups } = context.design;
    const space = widthSpace(spec, context.config.pruning, await readLatencyTable(context.store));
    const widths = new Map(first.widths.map(({ id, kept }) => [id, kept]));
    expect(first.effectiveLatency).toBeCloseTo(costOfWidths(space, widths) / space.maxMacs, 12);
    expect(Math.abs(first.effectiveLatency! - groups[1].budget)).toBeLessThanOrEqual(space.tolerance / space.maxMacs);
    expect(first.macs).toBe(networkMacs(withWidths(spec, widths, context.config.pruning)));
    expect(await expert()).toEqual(first);
  });
});

describe('budgets of measured time', () => {
  it('put the stage between groups and experts, which depend on it; budgets of MACs have none', () => {
    const ids = (value: object) => pipelineStages(parseConfig(value)).map(({ id, after }) => [id, after]);
    expect(ids(config)).toEqual(
      expect.arrayContaining([
        ['latency', []],
        ['experts/1', ['base', 'grouping', 'latency']],
        ['uniform', ['base', 'grouping', 'latency']],
      ]),
    );
    expect(ids(TINY).flat()).not.toContain('latency');
  });

  it('need a scope in which widths can be timed apart', () => {
    const streams = { ...config, pruning: { ...config.pruning, scope: 'all', normPolicy: 'gcd' } };
    expect(() => parseConfig(streams)).toThrow(expect.objectContaining({ kind: 'input' }));
  });
});
