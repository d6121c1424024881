import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { inputError } from '../contract/errors.js';
import { readInputFile } from '../formats/inputFile.js';
import { parseJson } from '../formats/json.js';
import { evaluationResultSchema } from '../pipeline/evaluationResult.js';
import { openProject } from '../project/project.js';
import type { ComparedProject } from '../report/compareFigure.js';
import { projectReportModel } from '../report/projectReport.js';
import { reportSchema, type ReportModel } from '../report/reportModel.js';
import { safeParse } from '../contract/safeParse.js';

/** Numbers with the protocol they were measured under, from whatever `compare` was given. */
export interface Evaluated {
  readonly name: string;
  readonly protocol: object;
  readonly values: readonly { readonly model: string; readonly metric: string; readonly value: number }[];
  /** For a chart; null for files that do not tell what an image cost. */
  readonly compared: ComparedProject | null;
}

/** A report with its sample grids and curves. */
const MAX_BYTES = 2 ** 28;

/** `stepadapt fid A B --json` */
const setResultSchema = z.object({
  fid: z.number(),
  protocol: z.looseObject({ metric: z.string(), sets: z.array(z.looseObject({ path: z.string() })).min(2) }),
});

/**
 * Reads a project, a report's `report.json`, an `evaluation.json`, or what `fid --json` printed.
 * @throws input errors NOT_EVALUATED, EVALUATION_INVALID, and those of opening a project
 */
export async function readEvaluated(path: string): Promise<Evaluated> {
  const isJson = path.endsWith('.json') && (await stat(path).catch(() => null))?.isFile() === true;
  if (!isJson) return fromProject(path);
  let raw: unknown;
  try {
    raw = parseJson((await readInputFile(path, { maxBytes: MAX_BYTES })).toString('utf8'));
  } catch (cause) {
    throw invalid(path, cause);
  }
  const report = safeParse(reportSchema, raw);
  if (report.success) return fromReport(report.data, report.data.project);
  const sets = safeParse(setResultSchema, raw);
  if (sets.success) {
    const { fid, protocol } = sets.data;
    return {
      name: path,
      protocol,
      values: [{ model: protocol.sets[0].path, metric: protocol.metric, value: fid }],
      compared: null,
    };
  }
  const evaluation = safeParse(evaluationResultSchema, raw);
  if (!evaluation.success) throw invalid(path, evaluation.error);
  const { rows, protocol } = evaluation.data;
  return {
    name: path,
    protocol,
    values: rows.map(({ model, perSeed }) => ({
      model,
      metric: protocol.metric,
      value: perSeed.reduce((sum, { fd }) => sum + fd, 0) / perSeed.length,
    })),
    compared: null,
  };
}

async function fromProject(path: string): Promise<Evaluated> {
  const project = await openProject(path);
  const { report } = await projectReportModel(project).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'NOT_EVALUATED') throw error;
    const file = join(project.folder, 'stages', 'evaluation', 'evaluation.json');
    throw inputError('NOT_EVALUATED', `${file} is not there or not finished`, 'run the project: `stepadapt run`', {
      cause: error,
    });
  });
  return fromReport(report, report.project);
}

function fromReport({ rows, metric, protocol }: ReportModel, name: string): Evaluated {
  const steps = protocol.sampler.visited.length;
  return {
    name,
    protocol,
    values: rows.map(({ model, value }) => ({ model, metric, value })),
    compared: {
      name,
      metric,
      rows: rows.map(({ model, label, value, perSeed, macs }) => ({
        model,
        label,
        value,
        perSeed: perSeed.map((seed) => seed.value),
        macsPerImage: macs * steps,
      })),
    },
  };
}

function invalid(path: string, cause: unknown): Error {
  return inputError(
    'EVALUATION_INVALID',
    `${path} is no evaluation of this program`,
    'give a project, its report.json or evaluation.json, or what `stepadapt fid --json` printed',
    { cause },
  );
}
