import { join } from 'node:path';
import type { ExperimentConfig } from '../contract/config.js';
import { pruningResultSchema } from '../contract/results.js';
import { allocateWidths } from '../method/allocation.js';
import type { WidthRule } from '../method/widthSpace.js';
import { prunableWidths } from '../model/prunableWidths.js';
import type { Project } from '../project/project.js';
import { readResultFile } from '../project/resultFile.js';
import type { ExperimentDesign } from './design.js';
import { forecastRun, type Forecast } from './forecast.js';
import { inputHashes } from './inputHash.js';
import { openEngineFor } from './openEngineFor.js';
import { pipelineStages } from './pipelineStages.js';
import { plannedCompute, searchShare } from './plannedCompute.js';
import { projectDesign } from './projectDesign.js';
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
  /** What waits for the trained base. */
  readonly provisional: ExperimentDesign['provisional'];
  /** Search compute as a share of the base's training; of the experts' where the base was imported. */
  readonly searchShare: number;
  readonly forecast: Forecast;
  /** Largest memory of the stages run so far, bytes, to hold against the forecast; null before any ran. */
  readonly measuredPeakBytes: number | null;
}

interface PlannedWidths {
  readonly widths: ReadonlyMap<string, number>;
  readonly macs: number;
}

/** What a run would do and cost. Measures the machine for a few seconds; starts nothing and writes nothing. */
export async function planProject(project: Project): Promise<Plan> {
  const { config } = project.file;
  const store = new StageStore(project);
  const design = await projectDesign(config, store);
  const groups = await Promise.all(
    design.groups.map(async (group): Promise<PlannedGroup> => {
      const { from, to, snrDb, budget } = group;
      const chosen = await chosenWidths(store, group.index);
      const { widths, macs } = chosen ?? provisionalWidths(design, budget, config.pruning);
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
  await openEngineFor(config);
  return {
    groups,
    mean,
    provisional: design.provisional,
    searchShare: searchShare(plannedCompute(config, design)),
    forecast: await forecastRun(config, design),
    measuredPeakBytes: await measuredPeak(config, store),
  };
}

/** Stages of another config are not counted. */
async function measuredPeak(config: ExperimentConfig, store: StageStore): Promise<number | null> {
  const stages = pipelineStages(config);
  const hashes = inputHashes(stages);
  const records = await Promise.all(stages.map(({ id }) => store.read(id)));
  const peaks = records.flatMap((record) =>
    record !== null && record.inputHash === hashes.get(record.id) ? (record.peakRssBytes ?? []) : [],
  );
  return peaks.length === 0 ? null : Math.max(...peaks);
}

async function chosenWidths(store: StageStore, index: number): Promise<PlannedWidths | null> {
  const result = await readResultFile(join(store.folder(`experts/${index}`), 'pruning.json'), pruningResultSchema);
  if (result === null) return null;
  return { widths: new Map(result.widths.map(({ id, kept }) => [id, kept])), macs: result.macs };
}

function provisionalWidths({ spec, baseMacs }: ExperimentDesign, budget: number, rule: WidthRule): PlannedWidths {
  const full = prunableWidths(spec, rule);
  if (budget >= 1) return { widths: new Map(full.map(({ id, width }) => [id, width])), macs: baseMacs };
  const equal = new Map(full.map(({ id, width }) => [id, new Float64Array(width).fill(1)]));
  return allocateWidths({ spec, scores: equal, targetMacs: budget * baseMacs, method: 'uniform', rule });
}
