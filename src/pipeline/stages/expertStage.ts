import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../../contract/config.js';
import type { GroupLosses } from '../../contract/results.js';
import { routeByTimestep } from '../../method/router.js';
import { initialiseWeights } from '../../model/initialise.js';
import type { UNetSpec } from '../../model/spec.js';
import type { Weights } from '../../model/weights.js';
import { writeJsonAtomic } from '../../project/atomicFile.js';
import { createNetworkDenoiser } from '../../sampling/networkDenoiser.js';
import { createTeacher } from '../../training/distillation.js';
import { heldOutLoss, heldOutSet } from '../../training/heldOutLoss.js';
import type { TimestepDraw } from '../../training/timestepDraws.js';
import { decayInput } from '../decayInput.js';
import { writeExpertSamples } from '../expertSamples.js';
import { trainingMacs } from '../ledger.js';
import { pruneNetwork } from '../pruneNetwork.js';
import type { Stage, StageContext } from '../stage.js';
import { trainedNetwork } from '../trainedWeights.js';
import { trainNetwork, type TrainedNetwork } from '../trainNetwork.js';
import type { WeightSelection } from '../weightSelection.js';
import { multipleInput } from '../widthMultiple.js';

/**
 * Images of the held-out loss that base, sliced and tuned networks are compared on: no more than the expert was trained on, or
 * looking at a trial of a few updates of a large network would take minutes.
 */
const LOSS_IMAGES = { least: 64, most: 512 };
/** Equal parts of a group that the losses are given for. */
const LOSS_PARTS = 16;

/** Stage 2 of the paper for one group: prune the base to the group's budget, then fine-tune on the group's timesteps. */
export function expertStage(config: ExperimentConfig, index: number): Stage {
  const { learningRateDecay, ...others } = config.experts;
  const { steps, learningRate, warmup, overlap, outsideProbability, antithetic, distillation } = others;
  // The distance proxy draws samples and compares their features.
  const samples = config.pruning.proxy === 'distance' && config.pruning.rounds > 0;
  return {
    id: `experts/${index}`,
    after: [
      'base',
      'grouping',
      ...(samples ? ['features'] : []),
      ...(config.pruning.cost === 'latency' ? ['latency'] : []),
    ],
    inputs: {
      pruning: { ...config.pruning, ...multipleInput(config.pruning) },
      ...(samples && { sampling: config.sampling }),
      experts: { ...others, ...decayInput(config.experts) },
    },
    async run(context) {
      const { design, store } = context;
      await mkdir(context.folder, { recursive: true });
      const group = design.groups[index];
      const { weights: base } = await trainedNetwork(store, 'base');
      const { timesteps } = config.diffusion;
      const { from, to } = group;
      const draw: TimestepDraw = { from, to, timesteps, overlap, outsideProbability, antithetic };
      const pruned = await pruneNetwork(context, {
        base,
        index,
        from,
        to,
        ratio: group.budget,
        pruning: config.pruning,
        draw,
      });
      const fresh = config.experts.start === 'scratch';
      const teacher = distillation > 0 ? createTeacher(design.spec, base, distillation) : null;
      let tuned: TrainedNetwork;
      try {
        tuned = await trainNetwork(context, {
          spec: pruned.spec,
          initial: fresh ? initialiseWeights(pruned.spec, config.seed + index + 1) : pruned.weights,
          steps,
          learningRate,
          rateField: 'experts.learningRate',
          warmup,
          learningRateDecay,
          common: config.base,
          sampleEvery: 0,
          draw,
          amongOthers: (own) => {
            const elsewhere = createNetworkDenoiser(design.spec, base, design.objective);
            return routeByTimestep(
              design.bounds,
              design.groups.map((other) => (other.index === index ? own : elsewhere)),
            );
          },
          ...(teacher !== null && { retarget: (batches) => teacher.retarget(batches) }),
          selection: groupSelection(context, group, pruned.spec),
        });
      } finally {
        teacher?.dispose();
      }
      const images = tuned.updates * config.base.batch;
      const compared = Math.min(LOSS_IMAGES.most, Math.max(LOSS_IMAGES.least, images));
      const losses = await compareLosses(context, group, compared, [
        { spec: design.spec, weights: base },
        { spec: pruned.spec, weights: pruned.weights },
        { spec: pruned.spec, weights: tuned.weights },
      ]);
      await writeJsonAtomic(join(context.folder, 'losses.json'), losses);
      await writeExpertSamples(context, index, base, {
        sliced: pruned,
        tuned: { spec: pruned.spec, weights: tuned.weights },
      });
      const { evaluateEvery, evaluateImages } = config.experts;
      const evaluations = evaluateEvery === 0 ? 0 : Math.ceil(tuned.updates / evaluateEvery);
      return {
        training:
          trainingMacs(images, pruned.result.macs) +
          (distillation > 0 ? images * design.baseMacs : 0) +
          evaluations * evaluateImages * pruned.result.macs,
        search: pruned.result.searchMacs,
        evaluation: compared * (design.baseMacs + 2 * pruned.result.macs),
      };
    },
  };
}

/** The held-out group loss that chooses an expert's weights; nothing where the config asks for none. */
function groupSelection(
  context: StageContext,
  { from, to }: { from: number; to: number },
  spec: UNetSpec,
): WeightSelection | undefined {
  const { config, design, data } = context;
  const { evaluateEvery, evaluateImages, patience } = config.experts;
  if (evaluateEvery === 0) return undefined;
  const set = heldOutSet({
    heldOut: data.heldOut,
    objective: design.objective,
    from,
    to,
    images: evaluateImages,
    // Neither the search's triples nor those of the final comparison: what was chosen on a set looks good on it.
    seed: config.seed + 2,
  });
  return {
    every: evaluateEvery,
    patience,
    loss: async (weights) => (await heldOutLoss(spec, weights, set, context.signal)).mean,
  };
}

async function compareLosses(
  context: StageContext,
  group: { from: number; to: number },
  images: number,
  [base, sliced, tuned]: readonly { spec: UNetSpec; weights: Weights }[],
): Promise<GroupLosses> {
  const set = heldOutSet({
    heldOut: context.data.heldOut,
    objective: context.design.objective,
    from: group.from,
    to: group.to,
    images,
    // Another seed than the search's: a candidate was chosen for its loss on those images.
    seed: context.config.seed + 1,
  });
  const loss = (network: typeof base) => heldOutLoss(network.spec, network.weights, set, context.signal);
  const losses = { base: await loss(base), sliced: await loss(sliced), tuned: await loss(tuned) };
  const size = group.to - group.from;
  const parts = Math.min(LOSS_PARTS, size);
  return {
    base: losses.base.mean,
    sliced: losses.sliced.mean,
    tuned: losses.tuned.mean,
    images,
    byTimestep: {
      timesteps: Array.from({ length: parts }, (_, part) => Math.floor(group.from + ((part + 0.5) * size) / parts)),
      base: meansOfParts(losses.base.perImage, parts),
      sliced: meansOfParts(losses.sliced.perImage, parts),
      tuned: meansOfParts(losses.tuned.perImage, parts),
    },
  };
}

/** Means over `parts` runs of equal length. The images of a held-out set are in the order of their timesteps. */
function meansOfParts(losses: Float32Array, parts: number): number[] {
  return Array.from({ length: parts }, (_, part) => {
    const run = losses.subarray(
      Math.round((part * losses.length) / parts),
      Math.round(((part + 1) * losses.length) / parts),
    );
    return run.reduce((sum, loss) => sum + loss, 0) / run.length;
  });
}
