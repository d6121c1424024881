import { join } from 'node:path';
import type { PruningConfig } from '../contract/config.js';
import { pruningResultSchema, type ImportanceResult, type PruningResult } from '../contract/results.js';
import type { ImportanceScores } from '../method/importance.js';
import { proxyPruning, type PrunedStructure } from '../method/proxyPruning.js';
import { countModel } from '../model/countModel.js';
import { prunableWidths } from '../model/prunableWidths.js';
import { sliceModel } from '../model/sliceModel.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { withWidths } from '../model/withWidths.js';
import { writeJsonAtomic } from '../project/atomicFile.js';
import { readResultFile } from '../project/resultFile.js';
import type { TimestepDraw } from '../training/timestepDraws.js';
import { trainingMacs } from './ledger.js';
import { readLatencyTable } from './latencyFile.js';
import { measureImportance } from './measureImportance.js';
import { ProgressMeter } from './progressMeter.js';
import { proxyTune } from './proxyTune.js';
import { searchProposer } from './searchProposer.js';
import { distanceProxy, lossProxy } from './searchProxy.js';
import type { StageContext } from './stage.js';

export interface PruningTask {
  /** The network to prune: the base's EMA weights. */
  readonly base: Weights;
  /** Index of the group; names the search's random stream. */
  readonly index: number;
  /** Timesteps the pruned network is for, [from, to). */
  readonly from: number;
  readonly to: number;
  /** Ratio to the base's MACs. */
  readonly ratio: number;
  readonly pruning: PruningConfig;
  /** The draw of timesteps that it will be fine-tuned with; evidence is drawn the same way. */
  readonly draw: TimestepDraw;
}

export interface PrunedNetwork {
  readonly spec: UNetSpec;
  readonly weights: Weights;
  readonly result: PruningResult;
}

/**
 * Prunes the base to a budget: importance from the group's own timesteps, then the proxy search. The decision is written to
 * `pruning.json`, every round to `memory.jsonl`; both are read back by a run that goes on. The scores that decided are kept in
 * `importance.json`.
 */
export async function pruneNetwork(context: StageContext, task: PruningTask): Promise<PrunedNetwork> {
  const path = join(context.folder, 'pruning.json');
  const result = (await readResultFile(path, pruningResultSchema)) ?? (await decide(context, task));
  await writeJsonAtomic(path, result);
  const keep = new Map(Object.entries(result.keep));
  return { ...sliceModel(context.design.spec, task.base, keep, result), result };
}

async function decide(context: StageContext, task: PruningTask): Promise<PruningResult> {
  const { design } = context;
  const full = prunableWidths(design.spec, task.pruning);
  const unpruned = task.ratio >= 1;
  const evidence = unpruned
    ? null
    : await measureImportance({ ...task, ...context, train: context.data.train, pruning: task.pruning });
  if (evidence !== null) await writeJsonAtomic(join(context.folder, 'importance.json'), readable(evidence.scores));
  const search = evidence === null ? null : await proxySearch(context, task, evidence.scores);
  const widths = search?.widths ?? new Map(full.map(({ id, width }) => [id, width]));
  const keep =
    search?.keep ?? new Map(full.map(({ id, width }) => [id, Array.from({ length: width }, (_, index) => index)]));
  const count = countModel(withWidths(design.spec, widths, task.pruning));
  const searchMacs = (evidence?.macs ?? 0) + (search?.searchMacs ?? 0);
  return {
    from: task.from,
    to: task.to,
    requested: task.ratio,
    effective: count.macs / design.baseMacs,
    macs: count.macs,
    parameters: count.parameters,
    widths: full.map(({ id, width }) => ({ id, full: width, kept: widths.get(id) ?? width })),
    keep: Object.fromEntries([...keep].map(([id, channels]) => [id, [...channels]])),
    importance: task.pruning.importance,
    normPolicy: task.pruning.normPolicy,
    scope: task.pruning.scope,
    effectiveLatency: task.pruning.cost === 'macs' ? null : (search?.cost ?? design.baseMacs) / design.baseMacs,
    confidence: evidence?.confidence?.overall ?? null,
    rounds: search?.rounds.length ?? 0,
    proxyScore: search?.score ?? null,
    searchMacs,
  };
}

/** Scores for people and charts: more digits than anybody can see would make a large file. */
function readable(scores: ImportanceScores): ImportanceResult {
  const short = (score: number) => Number(score.toPrecision(6));
  return [...scores].map(([id, channels]) => ({ id, scores: Array.from(channels, short) }));
}

/** The proxy search with what its candidates cost. */
async function proxySearch(
  context: StageContext,
  task: PruningTask,
  scores: ImportanceScores,
): Promise<PrunedStructure & { searchMacs: number }> {
  const { config, design, stageId } = context;
  const { pruning } = task;
  const proxyTask = { ...task, images: pruning.proxyImages };
  const isScored = pruning.rounds > 0;
  const proxy =
    isScored && pruning.proxy === 'distance' ? await distanceProxy(context, proxyTask) : lossProxy(context, proxyTask);
  const progress = new ProgressMeter(context.emit, stageId, 'round', pruning.rounds);
  try {
    const found = await proxyPruning({
      spec: design.spec,
      scores,
      group: { index: task.index },
      targetMacs: task.ratio * design.baseMacs,
      latency: pruning.cost === 'latency' ? await readLatencyTable(context.store) : null,
      config: pruning,
      seed: config.seed,
      memoryPath: join(context.folder, 'memory.jsonl'),
      ...(isScored && { proposer: await searchProposer(context, pruning, task) }),
      signal: context.signal,
      onRound: (entry) => progress.report(entry.round + 1),
      score: async ({ keep }) => {
        const candidate = sliceModel(design.spec, task.base, keep, pruning);
        const weights = await proxyTune(context, candidate, { steps: pruning.proxySteps, draw: task.draw });
        return proxy.score({ spec: candidate.spec, weights });
      },
    });
    const images = pruning.proxySteps * config.base.batch;
    const searchMacs = found.rounds.reduce((sum, { macs }) => sum + trainingMacs(images, macs) + proxy.macs(macs), 0);
    return { ...found, searchMacs };
  } finally {
    proxy.dispose();
  }
}
