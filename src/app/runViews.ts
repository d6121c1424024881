import { join } from 'node:path';
import { z } from 'zod';
import { groupLossesSchema, importanceResultSchema, pruningResultSchema } from '../contract/results.js';
import type { StageView } from '../contract/projectViews.js';
import type { ExpertView, MetricSeries, ProxyRound } from '../contract/runViews.js';
import { prunableWidths } from '../model/prunableWidths.js';
import { MetricsFile, type ClockLine } from '../pipeline/metricsFile.js';
import { projectDesign } from '../pipeline/projectDesign.js';
import { StageStore } from '../pipeline/stageStore.js';
import { parseJson } from '../formats/json.js';
import { readLines } from '../project/lineFile.js';
import type { Project } from '../project/project.js';
import { damaged, readResultFile } from '../project/resultFile.js';
import { decimatedIndices } from './decimate.js';
import { imageIdOfSample, sampleNames } from './projectFiles.js';

/** Points of a loss curve sent to a window. */
const SERIES_POINTS = 1000;

/** The logged values of every stage that trains. */
export async function readMetrics(project: Project, stages: readonly string[]): Promise<MetricSeries[]> {
  const series = await Promise.all(
    stages.map(async (stage): Promise<MetricSeries> => {
      const file = new MetricsFile(join(project.folder, 'stages', stage));
      const lines = await file.read();
      const times = timesByStep(await file.readClock());
      const kept = decimatedIndices(
        lines.map(({ loss }) => loss),
        SERIES_POINTS,
      ).map((index) => lines[index]);
      return {
        stage,
        steps: kept.map(({ step }) => step),
        loss: kept.map(({ loss }) => loss),
        gradientNorm: kept.map(({ gradientNorm }) => gradientNorm),
        learningRate: kept.map(({ learningRate }) => learningRate),
        at: kept.map(({ step }) => times.get(step)?.at ?? null),
        elapsed: kept.map(({ step }) => times.get(step)?.elapsed ?? null),
        lossByTimestep: kept.map(({ lossByTimestep }) => [...lossByTimestep]),
      };
    }),
  );
  return series.filter(({ steps }) => steps.length > 0);
}

/** When each step was logged, and after how many seconds of work; the time between two sittings does not count. */
export function timesByStep(clock: readonly ClockLine[]): Map<number, { at: number; elapsed: number }> {
  const times = new Map<number, { at: number; elapsed: number }>();
  let elapsed = 0;
  let before: ClockLine | null = null;
  for (const line of clock) {
    if (before !== null && line.begins !== true) elapsed += Math.max(0, line.at - before.at) / 1000;
    before = line;
    times.set(line.step, { at: line.at, elapsed });
  }
  return times;
}

const roundSchema = z.object({
  round: z.number(),
  widths: z.record(z.string(), z.number()),
  macs: z.number(),
  score: z.number().nullable(),
  seconds: z.number(),
  reason: z.string(),
  repairs: z.array(z.string()),
});
const pruningViewSchema = z.looseObject(pruningResultSchema.shape);
const lossesViewSchema = z.looseObject(groupLossesSchema.shape);

/** Everything that is on disk about the pruning of each group. */
export async function readExperts(
  projectId: string,
  project: Project,
  stages: readonly StageView[],
): Promise<ExpertView[]> {
  const store = new StageStore(project);
  const design = await projectDesign(project.file.config, store);
  const dependencies = prunableWidths(design.spec, project.file.config.pruning).map(({ id, kind, unit, members }) => ({
    id,
    kind,
    unit,
    tensors: [...new Set(members.map(({ tensor }) => tensor))],
  }));
  return Promise.all(
    design.groups.map(async (group): Promise<ExpertView> => {
      const id = `experts/${group.index}`;
      const state = stages.find((stage) => stage.id === id)?.state ?? 'pending';
      // A stale folder tells of other groups than these.
      const folder = state === 'stale' || state === 'pending' ? null : store.folder(id);
      const pruning = await readJson(folder, 'pruning.json', pruningViewSchema);
      return {
        index: group.index,
        from: group.from,
        to: group.to,
        snrDb: [group.snrDb[0], group.snrDb[1]],
        visited: group.visited,
        budget: group.budget,
        state,
        pruning,
        memory: await readRounds(folder, pruning),
        losses: await readJson(folder, 'losses.json', lossesViewSchema),
        importance: await readJson(folder, 'importance.json', importanceResultSchema),
        dependencies,
        samples: await readComparison(projectId, folder, id),
      };
    }),
  );
}

const NETWORKS = ['base', 'sliced', 'tuned'] as const;

async function readComparison(projectId: string, folder: string | null, stage: string): Promise<ExpertView['samples']> {
  const names = folder === null ? [] : await sampleNames(join(folder, 'samples'));
  return NETWORKS.filter((network) => names.includes(`${network}.png`)).map((network) => ({
    network,
    image: imageIdOfSample(projectId, stage, `${network}.png`),
  }));
}

async function readRounds(
  folder: string | null,
  pruning: z.output<typeof pruningViewSchema> | null,
): Promise<ProxyRound[]> {
  const rounds = folder === null ? [] : await readMemory(join(folder, 'memory.jsonl'));
  const chosen = pruning === null ? null : new Map(pruning.widths.map(({ id, kept }) => [id, kept]));
  const isChosen = ({ widths }: ProxyRound | z.output<typeof roundSchema>) =>
    chosen !== null && [...chosen].every(([id, kept]) => widths[id] === kept);
  const first = rounds.findIndex(isChosen);
  return rounds.map((round, index) => ({ ...round, chosen: index === first }));
}

async function readMemory(path: string): Promise<z.output<typeof roundSchema>[]> {
  const { lines } = await readLines(path);
  try {
    return lines.map((line) => roundSchema.parse(parseJson(line)));
  } catch (cause) {
    throw damaged(path, cause);
  }
}

async function readJson<T extends z.ZodType>(
  folder: string | null,
  name: string,
  schema: T,
): Promise<z.output<T> | null> {
  return folder === null ? null : readResultFile(join(folder, name), schema);
}
