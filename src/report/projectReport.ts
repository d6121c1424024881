import { access, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../contract/errors.js';
import type { StageRecord } from '../contract/project.js';
import { groupLossesSchema, pruningResultSchema, type PruningResult } from '../contract/results.js';
import { SOFTWARE_VERSION } from '../contract/version.js';
import type { ExperimentDesign } from '../pipeline/design.js';
import { evaluationResultSchema, type EvaluatedModel, type EvaluationResult } from '../pipeline/evaluationResult.js';
import { inputHashes } from '../pipeline/inputHash.js';
import { MetricsFile } from '../pipeline/metricsFile.js';
import { pipelineStages } from '../pipeline/pipelineStages.js';
import { projectDesign } from '../pipeline/projectDesign.js';
import { StageStore } from '../pipeline/stageStore.js';
import { readInputFile } from '../formats/inputFile.js';
import type { Project } from '../project/project.js';
import { requireResultFile } from '../project/resultFile.js';
import { buildReport, type ReportContent, type ReportModel, type ReportRow } from './reportModel.js';
import { writeReport } from './writeReport.js';

const LABELS: Readonly<Record<EvaluatedModel, string>> = {
  base: 'Base',
  uniform: 'Uniformly pruned',
  adaptive: 'Step-adaptive experts',
};

export interface ProjectReport {
  /** Path of `report.html`. */
  readonly path: string;
  readonly rows: readonly ReportRow[];
  readonly protocol: ReportModel['protocol'];
}

/**
 * Writes the report of a finished project into a new folder below `reports/`. A report of the same results that is already
 * there is returned as it is, unless `again` asks for another.
 * @throws `NOT_EVALUATED` when the comparison is not finished
 */
export async function writeProjectReport(
  project: Project,
  options: { again?: boolean; now?: Date; pngWidth?: number } = {},
): Promise<ProjectReport> {
  const now = options.now ?? new Date();
  const { report, hash } = await projectReportModel(project, now);
  const result = { rows: report.rows, protocol: report.protocol };
  const reports = join(project.folder, 'reports');
  const suffix = hash.slice(0, 8);
  // A hidden folder is one that a crash left unfinished, however much is in it.
  const isReport = (name: string) => !name.startsWith('.') && name.endsWith(suffix);
  const earlier = (await readdir(reports).catch(() => [])).filter(isReport).sort();
  for (const name of options.again === true ? [] : earlier.reverse()) {
    const path = join(reports, name, 'report.html');
    if ((await stat(path).catch(() => null)) !== null) return { ...result, path };
  }
  const folder = await newFolder(join(reports, now.toISOString().slice(0, 19).replaceAll(':', '-')), suffix);
  await writeReport(folder, report, options);
  return { ...result, path: join(folder, 'report.html') };
}

/** TIME-HASH, or TIME-2-HASH and so on where reports were made within the same second. */
async function newFolder(time: string, suffix: string): Promise<string> {
  for (let turn = 1; ; turn += 1) {
    const folder = `${time}${turn === 1 ? '' : `-${turn}`}-${suffix}`;
    const isThere = await access(folder).then(
      () => true,
      () => false,
    );
    if (!isThere) return folder;
  }
}

/**
 * The report of a finished project as data, and the hash of everything its evaluation depends on.
 * @throws `NOT_EVALUATED` when the comparison is not finished
 */
export async function projectReportModel(
  project: Project,
  now = new Date(),
): Promise<{ report: ReportModel; hash: string }> {
  const hash = inputHashes(pipelineStages(project.file.config)).get('evaluation')!;
  const store = new StageStore(project);
  const record = await store.read('evaluation');
  if (record?.state !== 'done' || record.inputHash !== hash) {
    throw failure(
      'NOT_EVALUATED',
      `${project.file.name} has no finished evaluation`,
      'run the project first: `stepadapt run`',
    );
  }
  const evaluation = await requireResultFile(
    join(store.folder('evaluation'), 'evaluation.json'),
    evaluationResultSchema,
  );
  return { report: buildReport(await collectContent(project, store, evaluation, now)), hash };
}

async function collectContent(
  project: Project,
  store: StageStore,
  evaluation: EvaluationResult,
  now: Date,
): Promise<ReportContent> {
  const { config, name } = project.file;
  const design = await projectDesign(config, store);
  const records = new Map<string, StageRecord>();
  for (const { id } of pipelineStages(config)) {
    const record = await store.read(id);
    if (record !== null) records.set(id, record);
  }
  const experts = design.groups.map((group) => `experts/${group.index}`);
  const trained = ['base', ...experts, ...(records.has('uniform') ? ['uniform'] : [])];
  const engine = records.get('evaluation')!.engine;
  return {
    project: name,
    created: now.toISOString(),
    summary: summarise(project, design),
    metric: evaluation.protocol.metric,
    rows: evaluation.rows.map((row) => reportRow(row, evaluation, design, records, experts)),
    groups: await Promise.all(design.groups.map((group) => reportGroup(group, design, store))),
    snrDb: [...design.schedule.snrDb],
    curves: await Promise.all(
      trained.map(async (id) => ({
        stage: id.replace('experts/', 'expert '),
        points: (await new MetricsFile(store.folder(id)).read()).map(({ step, loss }) => ({ step, loss })),
      })),
    ),
    samples: await Promise.all(
      evaluation.rows.map(async ({ model }) => ({
        model,
        label: LABELS[model],
        png: (await readInputFile(join(store.folder('evaluation'), `${model}.png`))).toString('base64'),
      })),
    ),
    ledger: [...records].flatMap(([id, record]) => ledgerEntries(id, record)),
    protocol: evaluation.protocol,
    command: reproduction(name),
    experiment: { ...project.file },
    lossByTimestep: evaluation.lossByTimestep,
    environment: [
      { name: 'Engine', value: `${engine.id}, ${engine.version}` },
      { name: 'Device', value: `${engine.device}, ${engine.threads} threads` },
      { name: 'Software', value: `StepAdapt Studio ${SOFTWARE_VERSION}, Node ${process.version}` },
      { name: 'Seed', value: String(config.seed) },
    ],
  };
}

/** The commands that make the same project from the file beside the page, and run it. */
function reproduction(name: string): string {
  const folder = JSON.stringify(name);
  return `stepadapt new ${folder} --from experiment.stepadapt\nstepadapt run ${folder}`;
}

function reportRow(
  row: EvaluationResult['rows'][number],
  evaluation: EvaluationResult,
  design: ExperimentDesign,
  records: ReadonlyMap<string, StageRecord>,
  experts: readonly string[],
): ReportRow {
  const own =
    row.model === 'base' ? [] : row.model === 'adaptive' ? ['similarity', 'grouping', ...experts] : ['uniform'];
  const trainingMacs = ['base', ...own].reduce((sum, id) => {
    const macs = records.get(id)?.macs;
    return sum + (macs?.training ?? 0) + (macs?.search ?? 0);
  }, 0);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    model: row.model,
    label: LABELS[row.model],
    macs: row.macsRatio * design.baseMacs,
    macsRatio: row.macsRatio,
    parameters: row.parameters,
    value: mean(row.perSeed.map(({ fd }) => fd)),
    perSeed: row.perSeed.map(({ fd, ...rest }) => ({ ...rest, value: fd })),
    kid: { mean: mean(row.perSeed.map(({ kid }) => kid.mean)), std: mean(row.perSeed.map(({ kid }) => kid.std)) },
    samples: evaluation.protocol.samples,
    secondsPerImage: row.secondsPerImage,
    trainingMacs,
  };
}

async function reportGroup(
  group: ExperimentDesign['groups'][number],
  design: ExperimentDesign,
  store: StageStore,
): Promise<ReportContent['groups'][number]> {
  const folder = store.folder(`experts/${group.index}`);
  const pruning: PruningResult = await requireResultFile(join(folder, 'pruning.json'), pruningResultSchema);
  const losses = await requireResultFile(join(folder, 'losses.json'), groupLossesSchema);
  return {
    index: group.index,
    from: group.from,
    to: group.to,
    snrDb: { low: Math.min(...group.snrDb), high: Math.max(...group.snrDb) },
    visited: group.visited,
    budget: group.budget,
    baseMacs: design.baseMacs,
    // A budget of measured time asks for no number of MACs.
    requestedMacs: pruning.effectiveLatency === null ? group.budget * design.baseMacs : pruning.macs,
    effectiveMacs: pruning.macs,
    parameters: pruning.parameters,
    widths: pruning.widths.map(({ id, full, kept }) => ({ id, base: full, kept })),
    loss: { base: losses.base, untuned: losses.sliced, tuned: losses.tuned },
  };
}

function ledgerEntries(id: string, { macs, seconds }: StageRecord): ReportContent['ledger'] {
  const kind = id.startsWith('experts/')
    ? 'experts'
    : id === 'uniform'
      ? 'uniform'
      : id === 'base'
        ? 'base'
        : 'evaluation';
  const stage = id.replace('experts/', 'expert ');
  const total = (macs.training ?? 0) + (macs.search ?? 0) + (macs.evaluation ?? 0);
  // A stage's seconds are shared out by its multiply-accumulates: training and search of an expert alternate too finely to time.
  const share = (part: number) => (total === 0 ? 0 : (seconds * part) / total);
  const searched = macs.search ?? 0;
  const rest = total - searched;
  return [
    ...(searched === 0
      ? []
      : [{ stage: `${stage}, search`, kind: 'search' as const, macs: searched, seconds: share(searched) }]),
    { stage, kind, macs: rest, seconds: total === 0 ? seconds : share(rest) },
  ];
}

function summarise(project: Project, design: ExperimentDesign): ReportContent['summary'] {
  const { data, diffusion, base, experts, grouping, budget, pruning, sampling } = project.file.config;
  return [
    { name: 'Data', value: `${data.source}, ${data.size} x ${data.size} x ${data.channels}` },
    { name: 'Diffusion', value: `${diffusion.schedule}, T = ${diffusion.timesteps}, predicts ${diffusion.prediction}` },
    {
      name: 'Base network',
      value: `${design.parameters.toLocaleString('en')} parameters, ${(design.baseMacs / 1e6).toFixed(1)} M MACs`,
    },
    { name: 'Base training', value: `${base.steps} steps of ${base.batch} images at ${base.learningRate}` },
    {
      name: 'Groups',
      value: `${grouping.groups} by ${grouping.bounds === null ? grouping.method : 'hand-set bounds'}`,
    },
    {
      name: 'Budget',
      value: `mean ${design.meanBudget.toFixed(3)} over visited steps, k = ${design.k.toFixed(3)}, ${budget.orientation} largest`,
    },
    {
      name: 'Pruning',
      value: `${pruning.importance} importance, ${pruning.allocator} allocation, ${pruning.rounds} proxy rounds`,
    },
    { name: 'Experts', value: `${experts.steps} steps each at ${experts.learningRate}` },
    { name: 'Sampler', value: `${sampling.method}, ${sampling.steps} steps, ${sampling.grid} grid` },
  ];
}
