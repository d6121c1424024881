import type { ExperimentConfig } from '../contract/config.js';
import { StepAdaptError } from '../contract/errors.js';
import type { Comparison, ResultsView } from '../contract/runViews.js';
import { mayBeCompared, protocolDifferences } from '../evaluation/protocolDifference.js';
import type { Project } from '../project/project.js';
import { projectReportModel } from '../report/projectReport.js';
import { imageId } from './projectFiles.js';

/**
 * The report of a finished project, pictures by id.
 * @throws `NOT_EVALUATED`
 */
export async function readResults(projectId: string, project: Project): Promise<ResultsView> {
  const { report } = await projectReportModel(project);
  const samples = report.samples.map(({ model, label }) => ({
    model,
    label,
    image: imageId(projectId, 'evaluation', model),
  }));
  return { ...report, samples };
}

/** Projects side by side: what differs between their configs, and their results where there are any. */
export async function compareProjects(entries: readonly { id: string; project: Project }[]): Promise<Comparison> {
  const results = await Promise.all(
    entries.map(async ({ id, project }) => {
      try {
        return await readResults(id, project);
      } catch (error) {
        if (error instanceof StepAdaptError && error.code === 'NOT_EVALUATED') return null;
        throw error;
      }
    }),
  );
  const evaluated = results.flatMap((result, index) =>
    result === null ? [] : [{ name: entries[index].project.file.name, protocol: result.protocol }],
  );
  const protocols = evaluated
    .slice(1)
    .flatMap(({ name, protocol }) =>
      protocolDifferences(evaluated[0].protocol, protocol).map((difference) => ({ project: name, ...difference })),
    );
  return {
    projects: entries.map(({ id, project }) => ({ id, name: project.file.name })),
    differences: differences(entries.map(({ project }) => project.file.config)),
    results: results.map((result) => result && { metric: result.metric, rows: result.rows }),
    protocolDifferences: protocols,
    comparable: mayBeCompared(protocols),
  };
}

/** Config fields whose values are not the same everywhere, in the order of the schema. */
export function differences(configs: readonly ExperimentConfig[]): Comparison['differences'] {
  const flat = configs.map((config) => new Map(fields(config)));
  const names = new Set(flat.flatMap((config) => [...config.keys()]));
  return [...names]
    .map((field) => ({ field, values: flat.map((config) => config.get(field) ?? null) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value))).size > 1);
}

function fields(value: object, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([name, inner]): [string, unknown][] =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? fields(inner as object, `${prefix}${name}.`)
      : [[`${prefix}${name}`, inner]],
  );
}
