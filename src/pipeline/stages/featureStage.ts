import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExperimentConfig } from '../../contract/config.js';
import type { FeatureExtractor } from '../../evaluation/featureExtractor.js';
import { readFeatureNetwork, writeFeatureNetwork } from '../../evaluation/featureNetwork.js';
import { randomProjection } from '../../evaluation/randomProjection.js';
import { trainFeatureNetwork } from '../../evaluation/trainFeatureNetwork.js';
import type { Dataset } from '../../data/dataset.js';
import { ProgressMeter } from '../progressMeter.js';
import type { Stage } from '../stage.js';
import type { StageStore } from '../stageStore.js';

const FILE = 'features.safetensors';

/** Trains the feature network that samples are compared with, where the data is labelled. */
export function featureStage(config: ExperimentConfig): Stage {
  return {
    id: 'features',
    after: [],
    inputs: { data: config.data },
    async run(context) {
      await mkdir(context.folder, { recursive: true });
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

/** The features of a project's metrics: its trained network, or fixed random projections for data without labels. */
export async function openFeatures(store: StageStore, data: Dataset): Promise<FeatureExtractor> {
  if (data.labels === null) return randomProjection(data);
  return readFeatureNetwork(join(store.folder('features'), FILE));
}
