import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groupLossesSchema, importanceResultSchema, pruningResultSchema } from '../../src/contract/results.js';
import { baseStage } from '../../src/pipeline/stages/baseStage.js';
import { expertStage } from '../../src/pipeline/stages/expertStage.js';
import { featureStage } from '../../src/pipeline/stages/featureStage.js';
import { writeExpertSamples } from '../../src/pipeline/expertSamples.js';
import { trainedNetwork } from '../../src/pipeline/trainedWeights.js';
import { stageContext, TINY } from './stageContext.js';
import { removeFolder } from '../removeFolder.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'expert-'));
  const sampled = { ...TINY, base: { ...TINY.base, sampleEvery: TINY.base.steps } };
  const context = await stageContext(folder, 'base', sampled);
  await baseStage(context.config).run(context);
});
afterAll(() => removeFolder(folder));

/** Runs the expert of the noisier group, which is pruned, from nothing. */
async function expert(change: { experts?: object; pruning?: object }) {
  const config = {
    ...TINY,
    experts: { ...TINY.experts, ...change.experts },
    pruning: { ...TINY.pruning, ...change.pruning },
  };
  const context = await stageContext(folder, 'experts/1', config);
  await removeFolder(context.folder);
  const compute = await expertStage(context.config, 1).run(context);
  const read = async (name: string) => readFile(join(context.folder, name), 'utf8');
  const losses = groupLossesSchema.parse(JSON.parse(await read('losses.json')));
  const pruning = pruningResultSchema.parse(JSON.parse(await read('pruning.json')));
  const memory = (await read('memory.jsonl'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { score: number; repairs: string[]; reason: string });
  return { context, compute, losses, pruning, memory, read };
}

describe('an expert', () => {
  it('counts the teacher of a distillation, which changes what it learns', async () => {
    const plain = await expert({});
    const images = TINY.experts.steps * TINY.base.batch;
    expect(plain.compute.training).toBe(3 * images * plain.pruning.macs);
    const distilled = await expert({ experts: { distillation: 0.7 } });
    expect(distilled.compute.training).toBe(plain.compute.training! + images * plain.context.design.baseMacs);
    expect(distilled.losses.sliced).toBe(plain.losses.sliced);
    expect(distilled.losses.tuned).not.toBe(plain.losses.tuned);
    const antithetic = await expert({ experts: { antithetic: true } });
    expect(antithetic.losses.tuned).not.toBe(plain.losses.tuned);
  });

  it('leaves what explains it: importance, losses by timestep, samples before and after', async () => {
    const { losses, pruning, read, context } = await expert({});
    const { from, to } = context.design.groups[1];
    for (const part of ['base', 'sliced', 'tuned'] as const) {
      const values = losses.byTimestep![part];
      expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(losses[part], 5);
    }
    const { timesteps } = losses.byTimestep!;
    expect(timesteps).toEqual([...new Set(timesteps)].sort((a, b) => a - b));
    expect(timesteps[0]).toBeGreaterThanOrEqual(from);
    expect(timesteps.at(-1)).toBeLessThan(to);
    const importance = importanceResultSchema.parse(JSON.parse(await read('importance.json')));
    expect(importance.map(({ id, scores }) => [id, scores.length])).toEqual(
      pruning.widths.map(({ id, full }) => [id, full]),
    );
    // The base's own picture of its last update is from the same noises and the same weights.
    const own = join(folder, 'stages', 'base', 'samples', `step-${String(TINY.base.steps).padStart(7, '0')}.png`);
    expect((await readFile(join(context.folder, 'samples', 'base.png'))).equals(await readFile(own))).toBe(true);
  });

  it('shows what the network of its group alone changes', async () => {
    const context = await stageContext(folder, 'experts/0', TINY);
    const { spec } = context.design;
    const { weights: base } = await trainedNetwork(context.store, 'base');
    const output = base.get('conv_out.bias')!;
    const other = new Map([...base, ['conv_out.bias', { ...output, data: output.data.map((value) => value + 1) }]]);
    await writeExpertSamples(context, 0, base, { sliced: { spec, weights: base }, tuned: { spec, weights: other } });
    const [before, same, changed] = await Promise.all(
      ['base', 'sliced', 'tuned'].map((name) => readFile(join(context.folder, 'samples', `${name}.png`))),
    );
    expect(same.equals(before)).toBe(true);
    expect(changed.equals(before)).toBe(false);
  });

  it('from scratch has the pruned widths and weights of its own', async () => {
    const scratch = await expert({ experts: { start: 'scratch', steps: 1 } });
    const pruned = await expert({ experts: { steps: 1 } });
    expect(scratch.pruning.widths).toEqual(pruned.pruning.widths);
    expect(scratch.losses.tuned).not.toBe(pruned.losses.tuned);
  });

  it('keeps the weights of least held-out loss, and counts the evaluations', async () => {
    const { read, compute, pruning } = await expert({
      experts: { evaluateEvery: 2, evaluateImages: 8, steps: 5, patience: 4 },
    });
    const { history, best } = JSON.parse(await read('selection.json'));
    expect(history.map(({ update }: { update: number }) => update)).toEqual([2, 4, 5]);
    expect(best.loss).toBe(Math.min(...history.map(({ loss }: { loss: number }) => loss)));
    expect(compute.training).toBe((3 * 5 * TINY.base.batch + 3 * 8) * pruning.macs);
  });

  it('is chosen by feature distance where the config says so', async () => {
    const features = await stageContext(folder, 'features', TINY);
    await featureStage(features.config).run(features);
    const { memory, compute, pruning, context } = await expert({ pruning: { proxy: 'distance', proxySteps: 0 } });
    expect(memory).toHaveLength(2);
    expect(new Set(memory.map(({ score }) => score)).size).toBe(2);
    expect(pruning.proxyScore).toBe(Math.min(...memory.map(({ score }) => score)));
    // Two of the four sampling steps fall into this group; the other two are the base's.
    expect(compute.search).toBeGreaterThan(2 * 8 * 2 * context.design.baseMacs);
  });

  it('asks a language model, and repeats the search from its transcript', async () => {
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const state = JSON.parse(JSON.parse(body).messages[1].content);
      const list = state.widths.map((width: { largest: number }, index: number) =>
        index === state.rounds.length ? width.largest / 2 : width.largest,
      );
      response.end(JSON.stringify({ choices: [{ message: { content: JSON.stringify(list) } }] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const asked = await expert({ pruning: { proposer: 'language-model', languageModel: { url } } });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(asked.memory.map(({ reason }) => reason)).toEqual(Array(2).fill('proposed by the language model'));

    const kept = join(folder, 'kept.jsonl');
    await writeFile(kept, await asked.read('transcript.jsonl'));
    const replayed = await expert({ pruning: { proposer: 'language-model', proposerTranscript: 'kept.jsonl' } });
    expect(replayed.pruning).toEqual(asked.pruning);
    expect(replayed.losses).toEqual(asked.losses);
  });
});
