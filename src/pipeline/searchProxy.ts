import { kernelDistance } from '../evaluation/kernelDistance.js';
import { referenceFeatures } from '../evaluation/referenceFeatures.js';
import { routeByTimestep } from '../method/router.js';
import { visitedPerGroup } from '../method/budget.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import type { Denoiser } from '../sampling/denoiser.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import { sampleImages } from '../sampling/sampleImages.js';
import { heldOutLoss, heldOutSet } from '../training/heldOutLoss.js';
import type { StageContext } from './stage.js';
import { openFeatures } from './stages/featureStage.js';

/** What a candidate is judged for. */
export interface ProxyTask {
  /** Weights of the unpruned base. */
  readonly base: Weights;
  /** Timesteps of the group, [from, to). */
  readonly from: number;
  readonly to: number;
  /** Held-out images, or sampled ones. */
  readonly images: number;
}

/** Scores the candidates of a search; lower is better. */
export interface SearchProxy {
  score(candidate: { readonly spec: UNetSpec; readonly weights: Weights }): Promise<number>;
  /** MACs of scoring a candidate of these MACs. */
  macs(candidateMacs: number): number;
  dispose(): void;
}

/** Held-out denoising loss over the group's timesteps, at fixed images, noises and timesteps. */
export function lossProxy({ config, data, design, signal }: StageContext, task: ProxyTask): SearchProxy {
  const { from, to, images } = task;
  const { objective } = design;
  const set = heldOutSet({ heldOut: data.heldOut, objective, from, to, images, seed: config.seed });
  return {
    score: async ({ spec, weights }) => (await heldOutLoss(spec, weights, set, signal)).mean,
    macs: (candidateMacs) => images * candidateMacs,
    dispose: () => undefined,
  };
}

/** Training images that samples are compared with: enough for a ranking. */
const REFERENCE_IMAGES = 4096;

/**
 * Feature distance between training images and samples drawn with the candidate on the group's timesteps and the base on all
 * others, always from the same noises. The kernel distance is used, since it is unbiased for few samples where the Frechet
 * distance is not.
 */
export async function distanceProxy(context: StageContext, task: ProxyTask): Promise<SearchProxy> {
  const { config, data, design, signal, store } = context;
  const { from, to, images } = task;
  const extractor = await openFeatures(store, data.train, config.evaluation);
  const reference = await referenceFeatures(extractor, data.train, { count: REFERENCE_IMAGES, signal });
  const whole = createNetworkDenoiser(design.spec, task.base, design.objective);
  const bounds = [0, from, to, config.diffusion.timesteps].filter((bound, i, all) => i === 0 || bound > all[i - 1]);
  const inside = bounds.indexOf(from);
  const visitedInside = visitedPerGroup(bounds, design.visited)[inside];
  return {
    async score({ spec, weights }) {
      const candidate = createNetworkDenoiser(spec, weights, design.objective);
      const experts = bounds.slice(1).map((_, group): Denoiser => (group === inside ? candidate : whole));
      try {
        const samples = await sampleImages({
          denoiser: routeByTimestep(bounds, experts),
          schedule: design.schedule,
          sampling: config.sampling,
          count: images,
          size: config.data.size,
          channels: config.data.channels,
          seed: config.seed,
          signal,
        });
        const features = await extractor.extract(samples, images, signal);
        const { dimensions } = extractor;
        const { mean } = await kernelDistance({
          first: features,
          second: reference.features,
          dimensions,
          seed: config.seed,
          signal,
        });
        return mean;
      } finally {
        candidate.dispose();
      }
    },
    macs: (candidateMacs) =>
      images * (visitedInside * candidateMacs + (design.visited.length - visitedInside) * design.baseMacs),
    dispose: () => whole.dispose(),
  };
}
