import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvaluationConfig, ExperimentConfig } from '../../contract/config.js';
import type { ClassifyingExtractor, FeatureExtractor } from '../../evaluation/featureExtractor.js';
import { readFeatureNetwork, writeFeatureNetwork } from '../../evaluation/featureNetwork.js';
import { createInceptionExtractor } from '../../evaluation/inception/extractor.js';
import { loadInceptionWeights } from '../../evaluation/inception/weights.js';
import { randomProjection } from '../../evaluation/randomProjection.js';
import { trainFeatureNetwork } from '../../evaluation/trainFeatureNetwork.js';
import type { Dataset } from '../../data/dataset.js';
import { ProgressMeter } from '../progressMeter.js';
import type { Stage } from '../stage.js';
import type { StageStore } from '../stageStore.js';

const FILE = 'features.safetensors';

/** Trains the feature network that samples are compared with, where the data is labelled. */
export function featureStage(config: ExperimentConfig): Stage {
  const { features, inceptionWeights } = config.evaluation;
  return {
    id: 'features',
    after: [],
    inputs: { data: config.data, ...(features === 'inception' && { features, inceptionWeights }) },
    async run(context) {
      await mkdir(context.folder, { recursive: true });
      if (features === 'inception') {
        // Nothing is trained, but weights that are missing or wrong are found here, before hours of training and sampling.
        await loadInceptionWeights(inceptionWeights);
        return {};
      }
      if (context.data.train.labels === null) return {};
      let progress: ProgressMeter | null = null;
      const network = await trainFeatureNetwork({
        dataset: context.data.train,
        signal: context.signal,
        onProgress: (update, updates) => {
          progress ??= new ProgressMeter(context.emit, context.stageId, 'step', updates);
          progress.report(update);
        },
      });
      await writeFeatureNetwork(join(context.folder, FILE), network);
      return {};
    },
  };
}

/**
 * The features of a project's metrics: the Inception network where the config asks for it, else the project's trained network,
 * or fixed random projections for data without labels.
 */
export async function openFeatures(
  store: StageStore,
  data: Dataset,
  { features, inceptionWeights }: Pick<EvaluationConfig, 'features' | 'inceptionWeights'>,
): Promise<FeatureExtractor | ClassifyingExtractor> {
  if (features === 'inception') return createInceptionExtractor(await loadInceptionWeights(inceptionWeights), data);
  if (data.labels === null) return randomProjection(data);
  return readFeatureNetwork(join(store.folder('features'), FILE));
}
