import { join } from 'node:path';
import { z } from 'zod';
import { readInputFile } from '../formats/inputFile.js';
import { parseJson } from '../formats/json.js';
import type { Project } from '../project/project.js';
import { forecastEvaluation, type EvaluationForecast } from './evaluationForecast.js';
import { openEngineFor } from './openEngineFor.js';
import { projectDesign } from './projectDesign.js';
import { countKeptImages } from './sampleShards.js';
import { hasReference } from './stages/featureStage.js';
import { StageStore } from './stageStore.js';

export interface EvaluationEstimate extends EvaluationForecast {
  /** Images of all models and seeds that are drawn already. */
  readonly kept: number;
}

/** `stages/data.json`, as far as it matters here. */
const dataSchema = z.object({ count: z.number().optional() }).catch({});

/** What measuring the models of a project takes, less what is there already. Opens the engine for a few seconds of measuring. */
export async function estimateEvaluation(project: Project): Promise<EvaluationEstimate> {
  const { config } = project.file;
  const store = new StageStore(project);
  const design = await projectDesign(config, store);
  await openEngineFor(config);
  const kept = await countKeptImages(store.folder('evaluation'), config.evaluation);
  const done = { images: kept, reference: await hasReference(store) };
  const bytes = await readInputFile(join(project.folder, 'stages', 'data.json')).catch(() => '{}');
  const { count } = dataSchema.parse(parseJson(bytes.toString()));
  return { ...(await forecastEvaluation(config, design, done, count)), kept };
}
