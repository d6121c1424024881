import type { PruningConfig } from '../contract/config.js';
import { failure, interrupted } from '../contract/errors.js';
import type { LatencyTable } from '../contract/results.js';
import type { UNetSpec } from '../model/spec.js';
import { allocateInSpace, keepIndices } from './allocation.js';
import { rankChannels, type ChannelRanking } from './channelRanking.js';
import type { ImportanceScores } from './importance.js';
import { projectWidths, type ProjectedWidths } from './projectWidths.js';
import {
  bestEntry,
  findEntry,
  importanceProposer,
  type ProposalRequest,
  type Proposer,
  type SelfReliantProposer,
  type WidthSearch,
} from './proposer.js';
import { openProxyMemory, type MemoryEntry } from './proxyMemory.js';
import type { TimestepGroup } from './timestepGroups.js';
import { costOfWidths, widthSpace, type WidthRule } from './widthSpace.js';

/** A pruned structure that a proxy can score. */
export interface PruningCandidate {
  readonly round: number;
  readonly widths: ReadonlyMap<string, number>;
  /** Channels to keep, as `sliceModel` takes them. */
  readonly keep: ReadonlyMap<string, readonly number[]>;
  readonly macs: number;
}

export interface ProxyPruningOptions {
  /** The base model. */
  readonly spec: UNetSpec;
  /** Importance of the base model's channels, measured on this group's timesteps. */
  readonly scores: ImportanceScores;
  readonly group: Pick<TimestepGroup, 'index'>;
  /** The budget: MACs, or with `latency` MACs of equal time. */
  readonly targetMacs: number;
  /** Times to cost widths by, in place of MACs. */
  readonly latency?: LatencyTable | null;
  readonly config: Pick<PruningConfig, 'allocator' | 'rounds' | 'memory'> & WidthRule;
  readonly seed: number;
  /**
   * The proxy: how good the pruned model would be on the group's timesteps; lower is better. Must depend on the candidate
   * alone, so that an interrupted search ends as an uninterrupted one.
   */
  readonly score: (candidate: PruningCandidate) => Promise<number>;
  /** JSON-lines file of the search's memory; its folder exists. */
  readonly memoryPath: string;
  /** Where proposals come from; the importance proposer without it. */
  readonly proposer?: Proposer;
  readonly signal?: AbortSignal;
  /** Called for every round, also for those found in the memory, in order. */
  readonly onRound?: (entry: MemoryEntry) => void;
}

export interface PrunedStructure {
  readonly widths: ReadonlyMap<string, number>;
  readonly keep: ReadonlyMap<string, readonly number[]>;
  /** MACs of the chosen widths. */
  readonly macs: number;
  /** Their cost by the measure of the budget; differs from `targetMacs` by at most the tolerance of the width space. */
  readonly cost: number;
  readonly targetMacs: number;
  /** Proxy score of the choice; null without rounds, when nothing was scored. */
  readonly score: number | null;
  /** The search, in order. */
  readonly rounds: readonly MemoryEntry[];
}

/**
 * Proxy-based pruning (arXiv 2312.13307): pruning as a decision problem of several rounds. Each round proposes widths from
 * the memory of all earlier rounds (with `config.memory` off, of none: an ablation), projects them onto legal widths within the budget, scores the pruned model and remembers
 * it; the best is chosen. `config.rounds` counts scored candidates, the start included; 0 takes the start unscored. The
 * search ends early when the proposer knows nothing new.
 *
 * Rounds already in the memory are not scored again.
 *
 * @throws BUDGET_UNREACHABLE, MEMORY_DAMAGED, MEMORY_MISMATCH (the memory is of another search), PROXY_NOT_FINITE (no
 * candidate had a finite score), INTERRUPTED
 */
export async function proxyPruning(options: ProxyPruningOptions): Promise<PrunedStructure> {
  const { spec, scores, group, targetMacs, config, seed, signal } = options;
  const space = widthSpace(spec, config, options.latency);
  const search: WidthSearch = { space, ranking: rankChannels(space.prunable, scores), targetMacs };
  if (config.rounds === 0) {
    const start = allocateInSpace(space, search.ranking, { targetMacs, method: config.allocator });
    const cost = costOfWidths(space, start.widths);
    return { ...start, cost, keep: keepIndices(search.ranking, start.widths), score: null, rounds: [] };
  }

  const memory = await openProxyMemory(options.memoryPath);
  refuseForeignMemory(memory.entries, search, seed, options.memoryPath);
  const fallback = importanceProposer({
    allocator: config.allocator,
    seed,
    stream: `pruning.group${group.index}`,
  });

  const rounds: MemoryEntry[] = [];
  while (rounds.length < config.rounds) {
    if (signal?.aborted) throw interrupted();
    const round = rounds.length;
    let entry = memory.entries[round];
    if (entry === undefined) {
      const history = config.memory ? rounds : [];
      const proposed = await nextCandidate(options.proposer ?? fallback, fallback, { round, history, search });
      if (proposed === null) break;
      entry = { round, seed, ...(await scored(proposed, round, rounds, search.ranking, options)) };
      await memory.append(entry);
    }
    rounds.push(entry);
    options.onRound?.(entry);
  }

  const best = bestEntry(rounds);
  if (best === null) {
    throw failure(
      'PROXY_NOT_FINITE',
      `none of the ${rounds.length} pruned candidates of group ${group.index} had a finite loss`,
      'lower experts.learningRate, or set pruning.proxySteps or pruning.rounds to 0',
    );
  }
  const widths = new Map(Object.entries(best.widths));
  return {
    widths,
    keep: keepIndices(search.ranking, widths),
    macs: best.macs,
    cost: costOfWidths(space, widths),
    targetMacs,
    score: best.score,
    rounds,
  };
}

interface Candidate extends ProjectedWidths {
  readonly reason: string;
}

/** A legal candidate; when the proposer's is missing or beyond repair, the fallback's, with the reason on record. */
async function nextCandidate(
  proposer: Proposer,
  fallback: SelfReliantProposer,
  request: ProposalRequest,
): Promise<Candidate | null> {
  const { space, ranking, targetMacs } = request.search;
  const proposal = await proposer.propose(request);
  if (proposal === null) return null;
  let rejection: string;
  if ('failed' in proposal) rejection = `failed: ${proposal.failed}`;
  else {
    const projected = projectWidths(proposal.widths, space, ranking, targetMacs);
    if (projected.accepted) return { ...projected, reason: proposal.reason };
    rejection = `rejected: ${projected.reason}`;
  }

  const substitute = await fallback.propose(request);
  if (substitute === null) return null;
  const repaired = projectWidths(substitute.widths, space, ranking, targetMacs);
  if (!repaired.accepted) return null;
  const replaced = `${rejection}; replaced by the importance proposer's`;
  return { ...repaired, reason: substitute.reason, repairs: [replaced, ...repaired.repairs] };
}

/** Scores a candidate, unless an earlier round already did. */
async function scored(
  { widths, macs, reason, repairs }: Candidate,
  round: number,
  history: readonly MemoryEntry[],
  ranking: ChannelRanking,
  options: ProxyPruningOptions,
): Promise<Omit<MemoryEntry, 'round' | 'seed'>> {
  const remembered = { widths: Object.fromEntries(widths), macs, reason };
  const twin = findEntry(history, widths);
  if (twin !== undefined) {
    return { ...remembered, score: twin.score, seconds: 0, repairs: [...repairs, `scored in round ${twin.round}`] };
  }
  const started = performance.now();
  const keep = keepIndices(ranking, widths);
  const score = await options.score({ round, widths, keep, macs });
  const seconds = (performance.now() - started) / 1000;
  return { ...remembered, score: Number.isFinite(score) ? score : null, seconds, repairs: [...repairs] };
}

function refuseForeignMemory(entries: readonly MemoryEntry[], search: WidthSearch, seed: number, path: string): void {
  const { space, targetMacs } = search;
  const foreign = entries.find(
    (entry) =>
      entry.seed !== seed ||
      Object.keys(entry.widths).length !== space.choices.length ||
      space.choices.some(({ id, full, unit }) => !(entry.widths[id] <= full) || entry.widths[id] % unit !== 0) ||
      Math.abs(costOfWidths(space, new Map(Object.entries(entry.widths))) - targetMacs) > space.tolerance,
  );
  if (foreign === undefined) return;
  throw failure(
    'MEMORY_MISMATCH',
    `round ${foreign.round} in the search memory ${path} belongs to another model, budget or seed`,
    'delete that file to start the search of this group again',
  );
}
