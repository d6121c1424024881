import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../../contract/config.js';
import type { GroupingResult } from '../../contract/results.js';
import { writeJsonAtomic } from '../../project/atomicFile.js';
import type { Stage } from '../stage.js';

/** Writes down the partition of the timesteps and each group's budget. */
export function groupingStage(config: ExperimentConfig): Stage {
  const { diffusion, grouping, budget, sampling } = config;
  const { method, steps, grid } = sampling;
  return {
    id: 'grouping',
    after: ['base'],
    inputs: { diffusion, grouping, budget, visited: { method, steps, grid } },
    async run({ design, folder }) {
      const result: GroupingResult = {
        bounds: [...design.bounds],
        cost: design.partitionCost,
        k: design.k,
        meanBudget: design.meanBudget,
        groups: design.groups.map((group) => ({ ...group, snrDb: [group.snrDb[0], group.snrDb[1]] })),
      };
      await mkdir(folder, { recursive: true });
      await writeJsonAtomic(join(folder, 'grouping.json'), result);
      return {};
    },
  };
}
