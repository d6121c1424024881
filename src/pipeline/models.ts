import { routeByTimestep } from '../method/router.js';
import { countModel } from '../model/countModel.js';
import type { Denoiser } from '../sampling/denoiser.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import type { ExperimentDesign } from './design.js';
import type { EvaluatedModel } from './evaluationResult.js';
import type { StageStore } from './stageStore.js';
import { trainedNetwork } from './trainedWeights.js';

/** A finished model of the project, ready to sample. */
export interface OpenModel {
  readonly denoiser: Denoiser;
  /** Mean MACs over the visited steps, as a ratio to the base. */
  readonly macsRatio: number;
  /** Of all networks together. */
  readonly parameters: number;
}

/** Loads the networks of a model into the engine. The adaptive one is its experts behind the router. */
export async function openModel(
  model: EvaluatedModel,
  design: ExperimentDesign,
  store: StageStore,
): Promise<OpenModel> {
  const stages = model === 'adaptive' ? design.groups.map((group) => `experts/${group.index}`) : [model];
  const networks = await Promise.all(stages.map((id) => trainedNetwork(store, id)));
  const counts = networks.map(({ spec }) => countModel(spec));
  const denoisers = networks.map(({ spec, weights }) => createNetworkDenoiser(spec, weights, design.objective));
  const steps = design.visited.length;
  const visitedMacs =
    model === 'adaptive'
      ? design.groups.reduce((sum, group) => sum + group.visited * counts[group.index].macs, 0)
      : steps * counts[0].macs;
  return {
    denoiser: model === 'adaptive' ? routeByTimestep(design.bounds, denoisers) : denoisers[0],
    macsRatio: visitedMacs / steps / design.baseMacs,
    parameters: counts.reduce((sum, count) => sum + count.parameters, 0),
  };
}
