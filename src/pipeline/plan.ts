import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pruningResultSchema, type PruningResult } from '../contract/results.js';
import { allocateWidths } from '../method/allocation.js';
import { countModel } from '../model/countModel.js';
import { prunableWidths, withWidths } from '../model/prunableWidths.js';
import type { Project } from '../project/project.js';
import { openEngine } from '../tensor/openEngine.js';
import { designExperiment, type ExperimentDesign } from './design.js';
import { forecastRun, type Forecast } from './forecast.js';
import { StageStore } from './stageStore.js';

export interface PlannedGroup {
  readonly from: number;
  readonly to: number;
  readonly snrDb: readonly [number, number];
  /** Ratio to the base's MACs that the budget rule asks for. */
  readonly budget: number;
  readonly macs: number;
  /** The same ratio as asked for and as the legal widths allow. */
  readonly requested: number;
  readonly effective: number;
  readonly widths: Readonly<Record<string, number>>;
  /** True until the search chose the widths: they are then the same ratio everywhere. */
  readonly provisional: boolean;
}

export interface Plan {
  readonly groups: readonly PlannedGroup[];
  /** Mean effective ratio over the steps the sampler visits. */
  readonly mean: number;
  readonly forecast: Forecast;
}

/** What a run would do and cost. Measures the machine for a few seconds; starts nothing and writes nothing. */
export async function planProject(project: Project): Promise<Plan> {
  const { config } = project.file;
  const design = designExperiment(config);
  const store = new StageStore(project);
  const groups = await Promise.all(
    design.groups.map(async (group): Promise<PlannedGroup> => {
      const { from, to, snrDb, budget } = group;
      const chosen = await chosenWidths(store, group.index);
      const widths = chosen ?? provisionalWidths(design, budget, config.pruning.minimumKeep);
      const { macs } = countModel(withWidths(design.spec, widths));
      return {
        from,
        to,
        snrDb,
        budget,
        macs,
        requested: budget,
        effective: macs / design.baseMacs,
        widths: Object.fromEntries(widths),
        provisional: chosen === null,
      };
    }),
  );
  const mean =
    groups.reduce((sum, { effective }, index) => sum + effective * design.groups[index].visited, 0) /
    design.visited.length;
  await openEngine(config.engine);
  return { groups, mean, forecast: forecastRun(config, design) };
}

async function chosenWidths(store: StageStore, index: number): Promise<ReadonlyMap<string, number> | null> {
  try {
    const text = await readFile(join(store.folder(`experts/${index}`), 'pruning.json'), 'utf8');
    const result: PruningResult = pruningResultSchema.parse(JSON.parse(text));
    return new Map(result.widths.map(({ id, kept }) => [id, kept]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function provisionalWidths(design: ExperimentDesign, budget: number, minimumKeep: number): ReadonlyMap<string, number> {
  const full = prunableWidths(design.spec);
  if (budget >= 1) return new Map(full.map(({ id, width }) => [id, width]));
  const equal = new Map(full.map(({ id, width }) => [id, new Float64Array(width).fill(1)]));
  const targetMacs = budget * design.baseMacs;
  return allocateWidths({ spec: design.spec, scores: equal, targetMacs, method: 'uniform', minimumKeep }).widths;
}
