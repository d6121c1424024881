import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ErrorDetails } from '../../contract/errors.js';
import type { Protocol } from '../../evaluation/protocol.js';
import { writeFileAtomic, writeJsonAtomic } from '../../project/atomicFile.js';
import { requireResultFile } from '../../project/resultFile.js';
import { evaluationResultSchema, type EvaluatedModel } from '../evaluationResult.js';
import { StageStore } from '../stageStore.js';
import type { SweepOutcome } from './runSweep.js';

/** One model of one combination, over its seeds. */
export interface SweepRow {
  /** The varied fields other than the seed. */
  readonly varied: Readonly<Record<string, unknown>>;
  /** `base`, `uniform`, `adaptive`, or a baseline's name. */
  readonly model: string;
  /** Finished projects behind the row: one for each seed. */
  readonly seeds: number;
  readonly metric: string;
  /** Mean over seeds of the distance, lower is better. */
  readonly mean: number;
  /** Standard deviation over seeds; null for a single one. */
  readonly std: number | null;
  /** Mean MACs per image and step as a ratio to the base. */
  readonly macsRatio: number;
  /** MACs of training and search. */
  readonly trainingMacs: number;
  readonly secondsPerImage: number;
}

/** How some of the projects of a sweep were measured. */
export interface SweepProtocol {
  /** Names of the projects. */
  readonly projects: readonly string[];
  readonly protocol: Protocol;
}

export interface SweepTable {
  readonly rows: readonly SweepRow[];
  /** One for all projects, unless what they vary changes how they are measured. */
  readonly protocols: readonly SweepProtocol[];
  readonly failures: readonly { readonly project: string; readonly error: ErrorDetails }[];
}

interface Measurement extends Omit<SweepRow, 'seeds' | 'mean' | 'std'> {
  readonly value: number;
}

interface MeasuredProject {
  readonly name: string;
  readonly protocol: Protocol;
  readonly measurements: readonly Measurement[];
}

/** Collects the evaluations of a sweep: rows in the order of the sweep, with mean and spread over `seed`. */
export async function tabulateSweep(outcomes: readonly SweepOutcome[]): Promise<SweepTable> {
  const projects: MeasuredProject[] = [];
  for (const outcome of outcomes) if (outcome.error === null) projects.push(await measuredProject(outcome));
  const measured = projects.flatMap(({ measurements }) => measurements);
  const keys = [...new Set(measured.map(rowKey))];
  const rows = keys.map((key): SweepRow => {
    const own = measured.filter((measurement) => rowKey(measurement) === key);
    const { varied, model, metric } = own[0];
    const mean = meanOf(own, 'value');
    const squares = own.reduce((sum, { value }) => sum + (value - mean) ** 2, 0);
    return {
      varied,
      model,
      seeds: own.length,
      metric,
      mean,
      std: own.length > 1 ? Math.sqrt(squares / (own.length - 1)) : null,
      macsRatio: meanOf(own, 'macsRatio'),
      trainingMacs: meanOf(own, 'trainingMacs'),
      secondsPerImage: meanOf(own, 'secondsPerImage'),
    };
  });
  const failures = outcomes.flatMap(({ point, error }) => (error === null ? [] : [{ project: point.name, error }]));
  return { rows, protocols: distinctProtocols(projects), failures };
}

function distinctProtocols(projects: readonly MeasuredProject[]): SweepProtocol[] {
  const found: { projects: string[]; protocol: Protocol }[] = [];
  for (const { name, protocol } of projects) {
    const same = found.find((other) => isDeepStrictEqual(other.protocol, protocol));
    if (same === undefined) found.push({ projects: [name], protocol });
    else same.projects.push(name);
  }
  return found;
}

/** Writes `sweep.json` and `sweep.csv` into the sweep's folder. */
export async function writeSweepTable(folder: string, table: SweepTable): Promise<void> {
  await writeJsonAtomic(join(folder, 'sweep.json'), table);
  await writeFileAtomic(join(folder, 'sweep.csv'), sweepCsv(table.rows));
}

/** Comma-separated values, one line for each row, the varied fields first (RFC 4180). */
export function sweepCsv(rows: readonly SweepRow[]): string {
  const fields = [...new Set(rows.flatMap(({ varied }) => Object.keys(varied)))];
  const header = [...fields, 'model', 'seeds', 'metric', 'mean', 'std', 'macsRatio', 'trainingMacs', 'secondsPerImage'];
  const lines = rows.map((row) => [
    ...fields.map((field) => textOf(row.varied[field])),
    row.model,
    row.seeds,
    row.metric,
    row.mean,
    row.std ?? '',
    row.macsRatio,
    row.trainingMacs,
    row.secondsPerImage,
  ]);
  const cell = (value: string | number) => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [header, ...lines].map((line) => `${line.map(cell).join(',')}\r\n`).join('');
}

/** A varied value in words. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

async function measuredProject({ point, project }: SweepOutcome): Promise<MeasuredProject> {
  const store = new StageStore(project);
  const path = join(store.folder('evaluation'), 'evaluation.json');
  const { rows, protocol } = await requireResultFile(path, evaluationResultSchema);
  const varied = Object.fromEntries(Object.entries(point.varied).filter(([field]) => field !== 'seed'));
  // A baseline's project shares its base with the method's, whose row is enough.
  const own = point.baseline === null ? rows : rows.filter(({ model }) => model === 'adaptive');
  const measurements = await Promise.all(
    own.map(async ({ model, macsRatio, secondsPerImage, perSeed }) => ({
      varied,
      model: point.baseline ?? model,
      metric: protocol.metric,
      value: perSeed.reduce((sum, { fd }) => sum + fd, 0) / perSeed.length,
      macsRatio,
      trainingMacs: await trainingMacsOf(model, project.file.config.grouping.groups, store),
      secondsPerImage,
    })),
  );
  return { name: point.name, protocol, measurements };
}

async function trainingMacsOf(model: EvaluatedModel, groups: number, store: StageStore): Promise<number> {
  const experts = Array.from({ length: groups }, (_, index) => `experts/${index}`);
  const shared = model === 'adaptive' ? ['similarity', 'grouping', ...experts] : model === 'uniform' ? ['uniform'] : [];
  let sum = 0;
  for (const id of ['base', ...shared]) {
    const macs = (await store.read(id))?.macs;
    sum += (macs?.training ?? 0) + (macs?.search ?? 0);
  }
  return sum;
}

function rowKey({ varied, model, metric }: Measurement): string {
  return JSON.stringify([varied, model, metric]);
}

function meanOf<K extends string>(values: readonly Readonly<Record<K, number>>[], key: K): number {
  return values.reduce((sum, value) => sum + value[key], 0) / values.length;
}
