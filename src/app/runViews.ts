import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { groupLossesSchema, pruningResultSchema } from '../contract/results.js';
import type { StageView } from '../contract/projectViews.js';
import type { ExpertView, MetricSeries, ProxyRound } from '../contract/runViews.js';
import { MetricsFile } from '../pipeline/metricsFile.js';
import { projectDesign } from '../pipeline/projectDesign.js';
import { StageStore } from '../pipeline/stageStore.js';
import type { Project } from '../project/project.js';
import { decimatedIndices } from './decimate.js';

/** Points of a loss curve sent to a window. */
const SERIES_POINTS = 1000;

/** The logged values of every stage that trains. */
export async function readMetrics(project: Project, stages: readonly string[]): Promise<MetricSeries[]> {
  const series = await Promise.all(
    stages.map(async (stage): Promise<MetricSeries> => {
      const lines = await new MetricsFile(join(project.folder, 'stages', stage)).read();
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
        lossByTimestep: kept.map(({ lossByTimestep }) => [...lossByTimestep]),
      };
    }),
  );
  return series.filter(({ steps }) => steps.length > 0);
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
const importanceSchema = z.array(z.object({ id: z.string(), scores: z.array(z.number()) }));

/** Everything that is on disk about the pruning of each group. */
export async function readExperts(project: Project, stages: readonly StageView[]): Promise<ExpertView[]> {
  const store = new StageStore(project);
  const design = await projectDesign(project.file.config, store);
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
        importance: await readJson(folder, 'importance.json', importanceSchema),
      };
    }),
  );
}

async function readRounds(
  folder: string | null,
  pruning: z.output<typeof pruningViewSchema> | null,
): Promise<ProxyRound[]> {
  const text = await readText(folder, 'memory.jsonl');
  // The last line may be half written: the search is at work.
  const rounds = (text ?? '')
    .split('\n')
    .slice(0, -1)
    .map((line) => roundSchema.parse(JSON.parse(line)));
  const chosen = pruning === null ? null : new Map(pruning.widths.map(({ id, kept }) => [id, kept]));
  const isChosen = ({ widths }: ProxyRound | z.output<typeof roundSchema>) =>
    chosen !== null && [...chosen].every(([id, kept]) => widths[id] === kept);
  const first = rounds.findIndex(isChosen);
  return rounds.map((round, index) => ({ ...round, chosen: index === first }));
}

async function readJson<T extends z.ZodType>(
  folder: string | null,
  name: string,
  schema: T,
): Promise<z.output<T> | null> {
  const text = await readText(folder, name);
  return text === null ? null : schema.parse(JSON.parse(text));
}

async function readText(folder: string | null, name: string): Promise<string | null> {
  if (folder === null) return null;
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
