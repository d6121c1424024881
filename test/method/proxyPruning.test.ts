import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { interrupted } from '../../src/contract/errors.js';
import { allocateWidths, keepIndices } from '../../src/method/allocation.js';
import { rankChannels } from '../../src/method/channelRanking.js';
import { importanceProposer, type Proposer } from '../../src/method/proposer.js';
import type { MemoryEntry } from '../../src/method/proxyMemory.js';
import { proxyPruning, type PruningCandidate, type ProxyPruningOptions } from '../../src/method/proxyPruning.js';
import { macsOfWidths, widthSpace } from '../../src/method/widthSpace.js';
import { innerRule, randomScores, tinySpec } from './tinyModel.js';

const spec = tinySpec();
const scores = randomScores(spec, 2);
const rule = { ...innerRule, minimumKeep: 0.25 };
const space = widthSpace(spec, rule);
const targetMacs = 0.75 * space.maxMacs;
const config = { ...rule, allocator: 'global', rounds: 12, memory: true } as const;
const allocation = allocateWidths({ spec, scores, targetMacs, method: 'global', rule });

/** A proxy that importance knows nothing of: the first widths matter, the last do not. */
const preferFirst = async ({ widths }: Pick<PruningCandidate, 'widths'>): Promise<number> =>
  space.choices.reduce((sum, { id, full }, index) => sum + (full - widths.get(id)!) * (5 - index), 1);

describe('proxyPruning', () => {
  let folder: string;
  let options: ProxyPruningOptions;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pruning-'));
    options = {
      spec,
      scores,
      group: { index: 1 },
      targetMacs,
      config,
      seed: 7,
      score: preferFirst,
      memoryPath: join(folder, 'memory.jsonl'),
    };
  });
  afterEach(() => rm(folder, { recursive: true }));
  const inOtherFile = (name: string) => ({ ...options, memoryPath: join(folder, name) });
  const withoutClock = (rounds: readonly MemoryEntry[]) => rounds.map((entry) => ({ ...entry, seconds: 0 }));

  it('starts from the allocation, finds better widths within the budget, and chooses the best', async () => {
    const result = await proxyPruning(options);
    expect(new Map(Object.entries(result.rounds[0].widths))).toEqual(allocation.widths);
    expect(result.score).toBe(Math.min(...result.rounds.map(({ score }) => score!)));
    expect(result.score).toBeLessThan(result.rounds[0].score!);
    expect(result.score).toBe(await preferFirst(result));
    expect(result.keep).toEqual(keepIndices(rankChannels(space.prunable, scores), result.widths));
    for (const { widths, macs, repairs } of result.rounds) {
      expect(macs).toBe(macsOfWidths(space, new Map(Object.entries(widths))));
      expect(Math.abs(macs - targetMacs)).toBeLessThanOrEqual(space.tolerance);
      expect(repairs).toEqual([]);
    }
  });

  it('never proposes a candidate twice, and ends when there is nothing new', async () => {
    const { rounds } = await proxyPruning({ ...options, config: { ...config, rounds: 60 } });
    expect(new Set(rounds.map(({ widths }) => JSON.stringify(widths))).size).toBe(rounds.length);
    const whole = await proxyPruning({ ...inOtherFile('whole'), targetMacs: space.maxMacs });
    expect(whole.rounds).toHaveLength(1);
    expect(whole.macs).toBe(space.maxMacs);
  });

  it('repeats itself from the same seed and group, and differs otherwise', async () => {
    const first = await proxyPruning(options);
    const again = await proxyPruning(inOtherFile('again'));
    expect(withoutClock(again.rounds)).toEqual(withoutClock(first.rounds));
    const otherSeed = await proxyPruning({ ...inOtherFile('seed'), seed: 8 });
    const otherGroup = await proxyPruning({ ...inOtherFile('group'), group: { index: 2 } });
    const proposals = (rounds: readonly MemoryEntry[]) => rounds.map(({ widths }) => widths);
    expect(proposals(otherSeed.rounds)).not.toEqual(proposals(first.rounds));
    expect(proposals(otherGroup.rounds)).not.toEqual(proposals(first.rounds));
  });

  it('goes on after an interruption without scoring again, to the same answer', async () => {
    const uninterrupted = await proxyPruning(inOtherFile('uninterrupted'));

    const scoredRounds: number[] = [];
    const score = async (candidate: PruningCandidate) => {
      scoredRounds.push(candidate.round);
      return preferFirst(candidate);
    };
    const stopInScore = async (candidate: PruningCandidate) => {
      if (candidate.round === 3) throw interrupted();
      return score(candidate);
    };
    await expect(proxyPruning({ ...options, score: stopInScore })).rejects.toMatchObject({ code: 'INTERRUPTED' });

    const stop = new AbortController();
    const onRound = ({ round }: MemoryEntry) => (round === 7 ? stop.abort() : undefined);
    await expect(proxyPruning({ ...options, score, onRound, signal: stop.signal })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });

    const seen: number[] = [];
    const resumed = await proxyPruning({ ...options, score, onRound: ({ round }) => seen.push(round) });
    expect(scoredRounds).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(seen).toEqual(scoredRounds);
    expect({ ...resumed, rounds: withoutClock(resumed.rounds) }).toEqual({
      ...uninterrupted,
      rounds: withoutClock(uninterrupted.rounds),
    });
  });

  it('takes the allocation unscored when there are no rounds', async () => {
    const score = () => Promise.reject(new Error('must not be called'));
    const result = await proxyPruning({ ...options, score, config: { ...config, rounds: 0 } });
    expect(result).toMatchObject({ widths: allocation.widths, macs: allocation.macs, score: null, rounds: [] });
    await expect(readFile(options.memoryPath)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('remembers a candidate whose loss is not finite as the worst, and fails when all are', async () => {
    const score = async (candidate: PruningCandidate) => (candidate.round === 0 ? Number.NaN : preferFirst(candidate));
    const result = await proxyPruning({ ...options, score });
    expect(result.rounds[0].score).toBeNull();
    expect(result.score).not.toBeNull();
    const hopeless = proxyPruning({ ...inOtherFile('nan'), score: async () => Number.POSITIVE_INFINITY });
    await expect(hopeless).rejects.toMatchObject({ code: 'PROXY_NOT_FINITE' });
  });

  it.each([
    ['budget', { targetMacs: space.maxMacs }],
    ['seed', { seed: 8 }],
  ])('refuses the memory of another %s', async (_, change) => {
    await proxyPruning(options);
    await expect(proxyPruning({ ...options, ...change })).rejects.toMatchObject({ code: 'MEMORY_MISMATCH' });
  });

  describe('with a proposer of another kind', () => {
    const proposing = (...proposals: ReadonlyMap<string, number>[]): Proposer => ({
      propose: async ({ round }) => (round < proposals.length ? { widths: proposals[round], reason: 'because' } : null),
    });
    const half = new Map(space.choices.map(({ id }) => [id, 4]));

    it('repairs its proposals and records how', async () => {
      const { rounds } = await proxyPruning({ ...options, proposer: proposing(half) });
      expect(rounds).toHaveLength(1);
      expect(Math.abs(rounds[0].macs - targetMacs)).toBeLessThanOrEqual(space.tolerance);
      expect(rounds[0]).toMatchObject({ reason: 'because', repairs: [expect.stringContaining('MACs brought to')] });
    });

    it('replaces what cannot be repaired', async () => {
      const { rounds } = await proxyPruning({ ...options, proposer: proposing(new Map()) });
      expect(new Map(Object.entries(rounds[0].widths))).toEqual(allocation.widths);
      expect(rounds[0].repairs[0]).toMatch(/^rejected: .*replaced/);
    });

    it('replaces what failed, and says why', async () => {
      const proposer: Proposer = { propose: async () => ({ failed: 'no service' }) };
      const { rounds } = await proxyPruning({ ...options, proposer, config: { ...config, rounds: 2 } });
      expect(rounds).toHaveLength(2);
      for (const { repairs } of rounds) expect(repairs[0]).toMatch(/^failed: no service; replaced/);
    });

    it('shows earlier rounds, or none where memory is off', async () => {
      const told: number[] = [];
      const proposer: Proposer = {
        propose: async ({ history, round }) => {
          told.push(history.length);
          return round < 3 ? { widths: half, reason: '' } : null;
        },
      };
      await proxyPruning({ ...options, proposer });
      const forgetful = { ...inOtherFile('off'), config: { ...config, memory: false } };
      await proxyPruning({ ...forgetful, proposer });
      expect(told).toEqual([0, 1, 2, 3, 0, 0, 0, 0]);
    });

    it('does not score a repetition again', async () => {
      let calls = 0;
      const score = (candidate: PruningCandidate) => preferFirst(candidate).finally(() => calls++);
      const { rounds } = await proxyPruning({ ...options, score, proposer: proposing(half, half) });
      expect(calls).toBe(1);
      expect(rounds[1].score).toBe(rounds[0].score);
      expect(rounds[1].repairs.at(-1)).toBe('scored in round 0');
    });
  });
});

describe('importanceProposer', () => {
  it('moves on from the best entry of the history, without memory from the start', async () => {
    const proposer = importanceProposer({ allocator: 'global', seed: 1, stream: 'test' });
    const search = { space, ranking: rankChannels(space.prunable, scores), targetMacs };
    const remembered = (round: number, score: number, widths: ReadonlyMap<string, number>): MemoryEntry => ({
      round,
      score,
      widths: Object.fromEntries(widths),
      macs: macsOfWidths(space, widths),
      seed: 1,
      seconds: 0,
      reason: '',
      repairs: [],
    });
    const propose = (...history: MemoryEntry[]) => proposer.propose({ round: history.length, history, search });
    const start = remembered(0, 2, (await propose())!.widths);
    const move = (await propose(start))!;
    expect(move.reason).toMatch(/^from round 0/);
    const better = remembered(1, 1, move.widths);
    expect((await propose(start, better))!.reason).toMatch(/^from round 1/);
    expect((await propose(start, { ...better, score: 3 }))!.reason).toMatch(/^from round 0/);
    expect(await proposer.propose({ round: 1, history: [], search })).toEqual(move);
  });
});
