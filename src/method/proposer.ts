import { randomUniform } from '../tensor/random.js';
import { allocateInSpace, type AllocationOptions } from './allocation.js';
import { gainPerMac, lossPerMac, type ChannelRanking } from './channelRanking.js';
import { projectWidths } from './projectWidths.js';
import type { MemoryEntry } from './proxyMemory.js';
import { costChange, type WidthChoice, type WidthSpace } from './widthSpace.js';

/** What a search for widths is about; fixed during the search. */
export interface WidthSearch {
  readonly space: WidthSpace;
  readonly ranking: ChannelRanking;
  readonly targetMacs: number;
}

export interface Proposal {
  readonly widths: ReadonlyMap<string, number>;
  /** Why these widths, for the memory. */
  readonly reason: string;
}

/** What a proposer is told. */
export interface ProposalRequest {
  /** 0-based round of the search. */
  readonly round: number;
  /** Earlier rounds, in order; empty in a search without memory. */
  readonly history: readonly MemoryEntry[];
  readonly search: WidthSearch;
}

/** Why a proposer that depends on others (a service, a file) has nothing to propose. */
export interface FailedProposal {
  readonly failed: string;
}

/**
 * History in, widths out: the role that a language model has in the paper. A proposal need not be legal, it is projected.
 */
export interface Proposer {
  /** The next candidate, or null when the proposer knows nothing new. */
  propose(request: ProposalRequest): Promise<Proposal | FailedProposal | null>;
}

/** A proposer that depends on nobody and cannot fail. */
export interface SelfReliantProposer extends Proposer {
  propose(request: ProposalRequest): Promise<Proposal | null>;
}

/** Candidates tried in a round before what can be reached counts as exhausted. */
export const ATTEMPTS = 64;
/** Random numbers one move can use. */
const DRAWS = 16;

/**
 * The default proposer, without a language model and reproducible. Round 0 is the allocation by importance. Every later
 * round makes a local move from the best candidate so far: one or two widths give up channels and others take MACs to the
 * same amount. Which ones is random, with odds in favour of giving up little importance and gaining much. No candidate in the
 * memory is proposed again. Without memory every move starts from round 0.
 *
 * A proposal depends on (seed, stream, round, history) alone.
 */
export function importanceProposer(options: {
  readonly allocator: AllocationOptions['method'];
  readonly seed: number;
  readonly stream: string;
}): SelfReliantProposer {
  const { allocator, seed, stream } = options;
  return {
    async propose({ round, history, search }) {
      const { targetMacs, space, ranking } = search;
      const allocated = () => allocateInSpace(space, ranking, { targetMacs, method: allocator }).widths;
      if (round === 0) return { widths: allocated(), reason: `${allocator} allocation by importance` };
      const start = bestEntry(history) ?? history.at(0) ?? { round: 0, widths: Object.fromEntries(allocated()) };
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const key = { seed, stream, index: round * ATTEMPTS + attempt };
        const move = localMove(new Map(Object.entries(start.widths)), search, randomUniform(key, DRAWS));
        if (move !== null && findEntry(history, move.widths) === undefined) {
          return { ...move, reason: `from round ${start.round}: ${move.reason}` };
        }
      }
      return null;
    },
  };
}

/** The entry of lowest score, the earliest among equals; null when none has a score. */
export function bestEntry(history: readonly MemoryEntry[]): (MemoryEntry & { readonly score: number }) | null {
  let best: (MemoryEntry & { readonly score: number }) | null = null;
  for (const entry of history) {
    if (entry.score !== null && (best === null || entry.score < best.score)) best = { ...entry, score: entry.score };
  }
  return best;
}

/** The remembered round with exactly these widths. */
export function findEntry(
  history: readonly MemoryEntry[],
  widths: ReadonlyMap<string, number>,
): MemoryEntry | undefined {
  return history.find((entry) => [...widths].every(([id, width]) => entry.widths[id] === width));
}

/** Moves MACs between widths, or null when no width can give or none can take. */
function localMove(
  start: ReadonlyMap<string, number>,
  { space, ranking, targetMacs }: WidthSearch,
  uniform: Float32Array,
): Proposal | null {
  let used = 0;
  const draw = () => uniform[used++];
  const widths = new Map(start);
  const notes: string[] = [];
  const resize = (choice: WidthChoice, units: number) => {
    const from = widths.get(choice.id)!;
    widths.set(choice.id, from + units * choice.unit);
    notes.push(`${choice.id} ${from} to ${from + units * choice.unit}`);
  };

  const givers = new Set<string>();
  let freed = 0;
  const giverCount = draw() < 0.5 ? 1 : 2;
  for (let i = 0; i < giverCount; i++) {
    const able = space.choices.filter(({ id, minimum }) => !givers.has(id) && widths.get(id)! > minimum);
    const giver = pickByRank(able, (choice) => lossPerMac(ranking, choice, widths), draw());
    if (giver === null) break;
    const width = widths.get(giver.id)!;
    const most = Math.min((width - giver.minimum) / giver.unit, Math.max(1, Math.floor(width / giver.unit / 4)));
    const units = 1 + Math.floor(draw() * most);
    givers.add(giver.id);
    freed -= costChange(giver, widths, -units);
    resize(giver, -units);
  }

  const takers = space.choices.filter(({ id, full }) => !givers.has(id) && widths.get(id)! < full);
  const taker = pickByRank(takers, (choice) => -gainPerMac(ranking, choice, widths), draw());
  if (taker === null || freed === 0) return null;
  const room = (taker.full - widths.get(taker.id)!) / taker.unit;
  resize(taker, Math.min(room, Math.max(1, Math.round((freed / costChange(taker, widths, 1)) * (0.5 + draw() / 2)))));

  // What this one could not take goes wherever it fits best.
  const projected = projectWidths(widths, space, ranking, targetMacs);
  return projected.accepted ? { widths: projected.widths, reason: [...notes, ...projected.repairs].join('; ') } : null;
}

/** One of `choices`, with odds 1 : 1/2 : 1/3 ... in ascending order of `key`; ranks make the odds independent of scale. */
function pickByRank(
  choices: readonly WidthChoice[],
  key: (choice: WidthChoice) => number,
  uniform: number,
): WidthChoice | null {
  const ranked = choices.map((choice) => ({ choice, key: key(choice) })).sort((a, b) => a.key - b.key);
  const total = ranked.reduce((sum, _, rank) => sum + 1 / (rank + 1), 0);
  let remaining = uniform * total;
  for (let rank = 0; rank < ranked.length; rank++) {
    remaining -= 1 / (rank + 1);
    if (remaining < 0) return ranked[rank].choice;
  }
  return ranked.at(-1)?.choice ?? null;
}
