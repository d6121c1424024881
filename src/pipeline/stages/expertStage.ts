import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../../contract/config.js';
import type { GroupLosses } from '../../contract/results.js';
import type { UNetSpec } from '../../model/spec.js';
import type { Weights } from '../../model/weights.js';
import { writeJsonAtomic } from '../../project/atomicFile.js';
import { heldOutLoss, heldOutSet } from '../../training/heldOutLoss.js';
import { groupTimesteps } from '../../training/timestepDraws.js';
import { trainingMacs } from '../ledger.js';
import { pruneNetwork } from '../pruneNetwork.js';
import type { Stage, StageContext } from '../stage.js';
import { trainedNetwork } from '../trainedWeights.js';
import { trainNetwork } from '../trainNetwork.js';

/** Images of the held-out loss that base, sliced and tuned networks are compared on. */
const LOSS_IMAGES = 512;

/** Stage 2 of the paper for one group: prune the base to the group's budget, then fine-tune on the group's timesteps. */
export function expertStage(config: ExperimentConfig, index: number): Stage {
  const { steps, learningRate, warmup, overlap, outsideProbability } = config.experts;
  return {
    id: `experts/${index}`,
    after: ['base', 'grouping'],
    inputs: {
      pruning: config.pruning,
      experts: { steps, learningRate, warmup, overlap, outsideProbability },
    },
    async run(context) {
      const { design, store } = context;
      await mkdir(context.folder, { recursive: true });
      const group = design.groups[index];
      const { weights: base } = await trainedNetwork(store, 'base');
      const draw = groupTimesteps({ ...group, timesteps: config.diffusion.timesteps, overlap, outsideProbability });
      const pruned = await pruneNetwork(context, {
        base,
        index,
        from: group.from,
        to: group.to,
        ratio: group.budget,
        pruning: config.pruning,
        draw,
      });
      const tuned = await trainNetwork(context, {
        spec: pruned.spec,
        initial: pruned.weights,
        steps,
        learningRate,
        warmup,
        common: config.base,
        sampleEvery: 0,
        draw,
      });
      const losses = await compareLosses(context, group, [
        { spec: design.spec, weights: base },
        { spec: pruned.spec, weights: pruned.weights },
        { spec: pruned.spec, weights: tuned },
      ]);
      await writeJsonAtomic(join(context.folder, 'losses.json'), losses);
      return {
        training: trainingMacs(steps * config.base.batch, pruned.result.macs),
        search: pruned.result.searchMacs,
        evaluation: LOSS_IMAGES * (design.baseMacs + 2 * pruned.result.macs),
      };
    },
  };
}

async function compareLosses(
  context: StageContext,
  group: { from: number; to: number },
  [base, sliced, tuned]: readonly { spec: UNetSpec; weights: Weights }[],
): Promise<GroupLosses> {
  const set = heldOutSet({
    heldOut: context.data.heldOut,
    objective: context.design.objective,
    from: group.from,
    to: group.to,
    images: LOSS_IMAGES,
    // Another seed than the search's: a candidate was chosen for its loss on those images.
    seed: context.config.seed + 1,
  });
  const loss = async (network: typeof base) => (await heldOutLoss(network.spec, network.weights, set)).mean;
  return { base: await loss(base), sliced: await loss(sliced), tuned: await loss(tuned), images: LOSS_IMAGES };
}
