import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { interrupted } from '../../src/contract/errors.js';
import { allocateWidths } from '../../src/method/allocation.js';
import { rankChannels } from '../../src/method/channelRanking.js';
import { chatMessages, languageModelProposer, parseWidthList } from '../../src/method/languageModelProposer.js';
import { evolutionaryProposer, randomProposer } from '../../src/method/populationProposers.js';
import type { Proposer } from '../../src/method/proposer.js';
import { proxyPruning, type PruningCandidate, type ProxyPruningOptions } from '../../src/method/proxyPruning.js';
import { widthSpace } from '../../src/method/widthSpace.js';
import { randomScores, tinySpec } from './tinyModel.js';

const spec = tinySpec();
const scores = randomScores(spec, 2);
const config = {
  allocator: 'global',
  minimumKeep: 0.25,
  rounds: 12,
  memory: true,
  normPolicy: 'whole-groups',
  scope: 'inner',
} as const;
const space = widthSpace(spec, config);
const targetMacs = 0.75 * space.maxMacs;
const search = { space, ranking: rankChannels(space.prunable, scores), targetMacs };
const start = allocateWidths({ spec, scores, targetMacs, method: 'global', rule: config }).widths;
const preferFirst = async ({ widths }: Pick<PruningCandidate, 'widths'>): Promise<number> =>
  space.choices.reduce((sum, { id, full }, index) => sum + (full - widths.get(id)!) * (5 - index), 1);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proposers-'));
});
afterEach(() => rm(folder, { recursive: true }));

function searching(proposer: Proposer, rest: Partial<ProxyPruningOptions> = {}, name = 'memory'): ProxyPruningOptions {
  const memoryPath = join(folder, `${name}.jsonl`);
  return {
    spec,
    scores,
    group: { index: 0 },
    targetMacs,
    config,
    seed: 7,
    score: preferFirst,
    memoryPath,
    proposer,
    ...rest,
  };
}

describe.each([
  ['random', randomProposer({ seed: 7, stream: 'test' })],
  ['evolutionary', evolutionaryProposer({ seed: 7, stream: 'test', allocator: 'global' })],
])('%s proposer', (name, proposer) => {
  it('proposes new legal candidates within the budget, which the search improves on', async () => {
    const { rounds, score } = await proxyPruning(searching(proposer));
    expect(rounds).toHaveLength(config.rounds);
    expect(new Set(rounds.map(({ widths }) => JSON.stringify(widths))).size).toBe(rounds.length);
    for (const { macs, repairs } of rounds) {
      expect(Math.abs(macs - targetMacs)).toBeLessThanOrEqual(space.tolerance);
      expect(repairs).toEqual([]);
    }
    expect(score).toBeLessThan(rounds[0].score!);
  });

  it('repeats itself, also when interrupted', async () => {
    const whole = await proxyPruning(searching(proposer, {}, 'whole'));
    const cut = async (candidate: PruningCandidate) => {
      if (candidate.round === 5) throw interrupted();
      return preferFirst(candidate);
    };
    await expect(proxyPruning(searching(proposer, { score: cut }, 'cut'))).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    const resumed = await proxyPruning(searching(proposer, {}, 'cut'));
    expect(resumed.rounds.map(({ widths }) => widths)).toEqual(whole.rounds.map(({ widths }) => widths));
  });

  it('works without memory', async () => {
    const { rounds } = await proxyPruning(searching(proposer, { config: { ...config, memory: false } }));
    expect(rounds).toHaveLength(config.rounds);
    if (name === 'evolutionary') {
      expect(rounds[5].reason).toMatch(/^child of the start and the start/);
    }
  });
});

describe('evolutionaryProposer', () => {
  it('begins with the allocation and goes on with children of the best', async () => {
    const proposer = evolutionaryProposer({ seed: 1, stream: 'test', allocator: 'global' });
    const { rounds } = await proxyPruning(searching(proposer, { config: { ...config, rounds: 30 } }));
    expect(new Map(Object.entries(rounds[0].widths))).toEqual(start);
    const last = rounds[rounds.length - 1];
    const survivors = [...rounds.slice(0, -1)].sort((a, b) => a.score! - b.score!).slice(0, 8);
    for (const [, parent] of last.reason.matchAll(/round (\d+)/g)) {
      expect(survivors.map(({ round }) => round)).toContain(Number(parent));
    }
  });
});

describe('parseWidthList', () => {
  it.each([
    ['[4, 8, 2]', [4, 8, 2]],
    ['Sure! Here is [1, 2] no, better:\n```json\n[4, 8, 2]\n```', [4, 8, 2]],
    ['{"widths": [4, 8, 2.5]}', [4, 8, 2.5]],
    ['[4, "8", null]', [4, Number.NaN, Number.NaN]],
  ])('reads %j', (answer, list) => expect(parseWidthList(answer, 3)).toEqual({ list }));

  it.each([
    ['', /no JSON list/],
    ['I cannot help with that', /no JSON list/],
    ['[4, NaN, 2]', /not JSON/],
    ['[4, 8]', /2 widths where 3/],
    ['[]', /0 widths where 3/],
    ['['.repeat(200_000), /no JSON list/],
    [`${' '.repeat(100_000)}[4, 8, 2]`, /no JSON list/],
  ])('refuses %.40j', (answer, why) => {
    expect(parseWidthList(answer, 3)).toEqual({ failed: expect.stringMatching(why) });
  });
});

describe('languageModelProposer', () => {
  const group = { from: 100, to: 300 };
  const answering = (...answers: string[]) =>
    languageModelProposer({ group, timesteps: 1000, ask: async (round) => answers[round] });

  it('takes widths in order, and moves those off the grid to legal ones', async () => {
    const wanted = space.choices.map(({ id }) => start.get(id)!);
    const off = wanted.map((width) => width + 0.3);
    const { rounds } = await proxyPruning(
      searching(answering(JSON.stringify(wanted), JSON.stringify(off)), { config: { ...config, rounds: 2 } }),
    );
    expect(new Map(Object.entries(rounds[0].widths))).toEqual(start);
    expect(rounds[0]).toMatchObject({ reason: 'proposed by the language model', repairs: [] });
    expect(rounds[1].widths).toEqual(rounds[0].widths);
    expect(rounds[1].repairs.join()).toContain('nearest legal width');
  });

  it('tells the model the task, legal widths, budget and all earlier rounds, the same every time', async () => {
    const { rounds } = await proxyPruning(searching(randomProposer({ seed: 1, stream: 'x' })));
    const request = { round: rounds.length, history: rounds, search };
    const [system, user] = chatMessages(request, { group, timesteps: 1000 });
    expect(chatMessages(request, { group, timesteps: 1000 })).toEqual([system, user]);
    const state = JSON.parse(user.content);
    expect(state.task).toContain('100 to 299 of 1000');
    expect(state.widths.map((width: { id: string }) => width.id)).toEqual(space.choices.map(({ id }) => id));
    expect(state.widths[0]).toMatchObject({ smallest: space.choices[0].minimum, largest: 8, multipleOf: 2 });
    expect(state.budget.macs).toBe(Math.round(targetMacs));
    expect(state.rounds.map((round: { loss: number }) => round.loss)).toEqual(rounds.map(({ score }) => score));
  });

  it('falls back with the reason, round by round', async () => {
    const proposer = languageModelProposer({
      group,
      timesteps: 1000,
      ask: async (round) => {
        if (round === 0) throw new Error('HTTP 500');
        return 'no idea';
      },
    });
    const { rounds } = await proxyPruning(searching(proposer, { config: { ...config, rounds: 2 } }));
    expect(new Map(Object.entries(rounds[0].widths))).toEqual(start);
    expect(rounds[0].repairs[0]).toContain('HTTP 500');
    expect(rounds[1].repairs[0]).toContain('no JSON list');
  });

  it('an answer without a single number is replaced', async () => {
    const { rounds } = await proxyPruning(
      searching(answering(JSON.stringify(space.choices.map(() => null))), { config: { ...config, rounds: 1 } }),
    );
    expect(rounds[0].repairs[0]).toMatch(/^rejected: .*replaced/);
  });

  it('does not take a stop for a failure', async () => {
    const proposer = languageModelProposer({ group, timesteps: 1000, ask: () => Promise.reject(interrupted()) });
    await expect(proxyPruning(searching(proposer))).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
