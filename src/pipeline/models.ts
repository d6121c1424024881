import { routeByTimestep } from '../method/router.js';
import { countModel } from '../model/countModel.js';
import { readModelFolder } from '../model/diffusersFolder.js';
import type { Denoiser } from '../sampling/denoiser.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import type { ExperimentDesign } from './design.js';
import type { EvaluatedModel } from './evaluationResult.js';
import { availableMemory, gigabytes } from './memoryWarning.js';
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

/** Share of the free memory that the weights of all experts may take; samples and features need the rest. */
const WEIGHTS_SHARE = 0.25;

/**
 * Opens a model. The adaptive one is its experts behind the router: all of them in memory where it is large enough, else one
 * at a time, read from disk when the sampler comes to its timesteps. Images are the same either way.
 *
 * @param log told which of the two, and why
 */
export async function openModel(
  model: EvaluatedModel,
  design: ExperimentDesign,
  store: StageStore,
  log: (message: string) => void = () => undefined,
): Promise<OpenModel> {
  if (model === 'adaptive') return openExperts(design, store, log);
  const { spec, weights } = await trainedNetwork(store, model);
  const { macs, parameters } = countModel(spec);
  const denoiser = createNetworkDenoiser(spec, weights, design.objective, log);
  return { denoiser, macsRatio: macs / design.baseMacs, parameters };
}

async function openExperts(
  design: ExperimentDesign,
  store: StageStore,
  log: (message: string) => void,
): Promise<OpenModel> {
  const { bounds, groups, visited, baseMacs, objective } = design;
  const budgets = groups.reduce((sum, { budget }) => sum + Math.min(1, budget), 0);
  const bytes = 4 * design.parameters * budgets;
  const free = availableMemory();
  const resident = bytes <= WEIGHTS_SHARE * free ? 'all' : 'one';
  log(
    `${groups.length} experts take about ${gigabytes(bytes)}, and ${gigabytes(free)} of memory are free: ` +
      (resident === 'all' ? 'all stay in memory' : 'one at a time is in memory'),
  );
  const experts: Denoiser[] = [];
  const folders: string[] = [];
  let macs = 0;
  let parameters = 0;
  for (const { index, visited: steps } of groups) {
    const { spec, weights, folder } = await trainedNetwork(store, `experts/${index}`);
    const count = countModel(spec);
    macs += steps * count.macs;
    parameters += count.parameters;
    folders.push(folder);
    if (resident === 'all') experts.push(createNetworkDenoiser(spec, weights, objective, log));
  }
  const read = async (group: number) => {
    const { spec, weights } = await readModelFolder(folders[group]);
    return createNetworkDenoiser(spec, weights, objective, log);
  };
  return {
    denoiser: routeByTimestep(bounds, resident === 'all' ? experts : read, { resident }),
    macsRatio: macs / visited.length / baseMacs,
    parameters,
  };
}
