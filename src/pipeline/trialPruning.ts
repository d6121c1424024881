import { allocateWidths, keepIndices } from '../method/allocation.js';
import { rankChannels } from '../method/channelRanking.js';
import { magnitudeImportance } from '../method/importance.js';
import type { TimestepGroup } from '../method/timestepGroups.js';
import { countModel } from '../model/countModel.js';
import { prunableWidths } from '../model/prunableWidths.js';
import { sliceModel } from '../model/sliceModel.js';
import { heldOutLoss, heldOutSet } from '../training/heldOutLoss.js';
import { ProgressMeter } from './progressMeter.js';
import type { StageContext } from './stage.js';
import { trainedNetwork } from './trainedWeights.js';

/**
 * How much the held-out loss of each group grows when the base is pruned by one fixed, group-blind recipe: the same ratio
 * everywhere to `budget.trialRatio` of its MACs, smallest weights first, without tuning. Groups whose loss grows most need the
 * largest models.
 *
 * @returns increases by group, in units of the loss, and the MACs of the measurement
 */
export async function measureLossIncrease(
  context: StageContext,
  groups: readonly TimestepGroup[],
): Promise<{ lossIncrease: number[]; macs: number }> {
  const { config, design, data, store } = context;
  const { spec } = design;
  const rule = config.pruning;
  const { weights } = await trainedNetwork(store, 'base');
  const widths = prunableWidths(spec, rule);
  const scores = magnitudeImportance(widths, weights, 'l2');
  const targetMacs = config.budget.trialRatio * design.baseMacs;
  const allocation = allocateWidths({ spec, scores, targetMacs, method: 'uniform', rule });
  const trial = sliceModel(spec, weights, keepIndices(rankChannels(widths, scores), allocation.widths), rule);

  const images = config.pruning.proxyImages;
  const progress = new ProgressMeter(context.emit, context.stageId, 'group', groups.length);
  const lossIncrease: number[] = [];
  for (const { from, to } of groups) {
    const set = heldOutSet({ heldOut: data.heldOut, objective: design.objective, from, to, images, seed: config.seed });
    const whole = await heldOutLoss(spec, weights, set, context.signal);
    const pruned = await heldOutLoss(trial.spec, trial.weights, set, context.signal);
    lossIncrease.push(pruned.mean - whole.mean);
    progress.report(lossIncrease.length);
  }
  return { lossIncrease, macs: groups.length * images * (design.baseMacs + countModel(trial.spec).macs) };
}
