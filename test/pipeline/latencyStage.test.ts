import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LatencyTable } from '../../src/contract/results.js';
import { costOfWidths, widthSpace } from '../../src/method/widthSpace.js';
import { networkMacs } from '../../src/model/countModel.js';
import { withWidths } from '../../src/model/withWidths.js';
import { readLatencyTable } from '../../src/pipeline/latencyFile.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import { pipelineStages } from '../../src/pipeline/pipelineStages.js';
import { pruneNetwork } from '../../src/pipeline/pruneNetwork.js';
import { latencyStage } from '../../src/pipeline/stages/latencyStage.js';
import { parseConfig } from '../../src/project/project.js';
import { intervalOfTimesteps } from '../../src/training/timestepDraws.js';
import { stageContext, TINY } from './stageContext.js';

const config = {
  ...TINY,
  pruning: { ...TINY.pruning, cost: 'latency', scope: 'inner+attention', minimumKeep: 0.25 },
};

/** A recorded table in which time grows with the number of channels of every block. */
async function writeTable(): Promise<void> {
  const context = await stageContext(folder, 'latency', config);
  const { choices } = widthSpace(context.design.spec, context.config.pruning);
  const table: LatencyTable = {
    engine: { id: 'wasm', version: 'test', device: 'cpu', threads: 1 },
    batch: 8,
    baseMilliseconds: 100,
    widths: choices.map(({ id, full, minimum }, index) => ({
      id,
      full,
      points: [minimum, full].map((width) => ({ width, milliseconds: 1 + ((index + 1) * width) / 4 })),
    })),
  };
  await mkdir(context.folder, { recursive: true });
  await writeFile(join(context.folder, 'latency.json'), JSON.stringify(table));
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latency-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));

describe('latency stage', () => {
  it('records times of every width, once, and leaves no tensor behind', async () => {
    // Whole budgets: what time can be saved depends on the machine.
    const whole = { ...config, budget: { rule: 'explicit', ratios: [1, 1] } };
    const context = await stageContext(folder, 'latency', whole);
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
    await latencyStage(context.config).run(context);
    expect(await readLatencyTable(context.store)).toEqual(table);
    expect(table.engine.id).toBe('wasm');
    expect(table.batch).toBe(TINY.sampling.batch);
  });

  it('is what experts are pruned by: the same widths from the same table', async () => {
    await writeTable();
    const expert = async () => {
      const pruned = await stageContext(folder, 'experts/1', config);
      await rm(pruned.folder, { recursive: true, force: true });
      await mkdir(pruned.folder, { recursive: true });
      const { pruning } = pruned.config;
      const { from, to, budget } = pruned.design.groups[1];
      const { result } = await pruneNetwork(pruned, {
        base: initialiseWeights(pruned.design.spec, 0),
        index: 1,
        from,
        to,
        ratio: budget,
        // Neither gradients nor rounds: the table is what counts here.
        pruning: { ...pruning, importance: 'l2', rounds: 0 },
        draw: intervalOfTimesteps(from, to),
      });
      return result;
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
