import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { routeByTimestep } from '../method/router.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { writeFileAtomic } from '../project/atomicFile.js';
import type { Denoiser } from '../sampling/denoiser.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import { sampleGrid } from './sampleGrid.js';
import type { StageContext } from './stage.js';

interface Network {
  readonly spec: UNetSpec;
  readonly weights: Weights;
}

/**
 * What one expert changes in the pictures, from the same noises: `samples/base.png` with the base everywhere,
 * `samples/sliced.png` and `samples/tuned.png` with the network at the timesteps of its group and the base elsewhere.
 */
export async function writeExpertSamples(
  context: StageContext,
  index: number,
  base: Weights,
  { sliced, tuned }: { sliced: Network; tuned: Network },
): Promise<void> {
  const { design, folder } = context;
  const open = ({ spec, weights }: Network) => createNetworkDenoiser(spec, weights, design.objective);
  const write = async (name: string, denoiser: Denoiser) =>
    writeFileAtomic(join(folder, 'samples', `${name}.png`), await sampleGrid(context, denoiser));
  await mkdir(join(folder, 'samples'), { recursive: true });
  const elsewhere = open({ spec: design.spec, weights: base });
  try {
    await write('base', elsewhere);
    for (const [name, network] of Object.entries({ sliced, tuned })) {
      const expert = open(network);
      try {
        const experts = design.groups.map((group) => (group.index === index ? expert : elsewhere));
        await write(name, routeByTimestep(design.bounds, experts));
      } finally {
        expert.dispose();
      }
    }
  } finally {
    elsewhere.dispose();
  }
}
