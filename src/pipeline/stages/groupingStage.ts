import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../../contract/config.js';
import type { GroupingResult } from '../../contract/results.js';
import { needsSimilarity, partitionTimesteps } from '../../method/partition.js';
import { groupsFromBounds } from '../../method/timestepGroups.js';
import { writeJsonAtomic } from '../../project/atomicFile.js';
import { designExperiment } from '../design.js';
import { readSimilarity } from '../similarityFiles.js';
import type { Stage } from '../stage.js';
import { measureLossIncrease } from '../trialPruning.js';
import { multipleInput } from '../widthMultiple.js';

/** Writes down the partition of the timesteps and each group's budget, after measuring what they depend on. */
export function groupingStage(config: ExperimentConfig): Stage {
  const { diffusion, grouping, budget, sampling } = config;
  const measured = budget.rule === 'measured';
  const { method, steps, grid } = sampling;
  return {
    id: 'grouping',
    after: ['base', ...(needsSimilarity(grouping) ? ['similarity'] : [])],
    inputs: {
      diffusion,
      grouping,
      budget,
      visited: { method, steps, grid },
      ...(measured && { trial: trialInputs(config) }),
    },
    async run(context) {
      const { folder, store } = context;
      const similarity = needsSimilarity(grouping) ? await readSimilarity(store, diffusion.timesteps) : null;
      const trial = measured
        ? await measureLossIncrease(
            context,
            groupsFromBounds(partitionTimesteps(grouping, context.design.schedule, similarity).bounds),
          )
        : null;
      const lossIncrease = trial?.lossIncrease ?? null;
      const design = designExperiment(config, { similarity, lossIncrease });
      const result: GroupingResult = {
        bounds: [...design.bounds],
        cost: design.partitionCost,
        k: design.k,
        meanBudget: design.meanBudget,
        lossIncrease,
        groups: design.groups.map((group) => ({ ...group, snrDb: [group.snrDb[0], group.snrDb[1]] })),
      };
      await mkdir(folder, { recursive: true });
      await writeJsonAtomic(join(folder, 'grouping.json'), result);
      return trial === null ? {} : { search: trial.macs };
    },
  };
}

/** The settings that decide what the trial pruning measures. */
function trialInputs({ pruning }: ExperimentConfig): unknown {
  const { normPolicy, scope, minimumKeep, proxyImages } = pruning;
  return { normPolicy, scope, minimumKeep, proxyImages, ...multipleInput(pruning) };
}
