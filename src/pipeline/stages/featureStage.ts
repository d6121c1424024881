import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvaluationConfig, ExperimentConfig } from '../../contract/config.js';
import { inputError } from '../../contract/errors.js';
import type { ClassifyingExtractor, FeatureExtractor } from '../../evaluation/featureExtractor.js';
import { readFeatureNetwork, writeFeatureNetwork } from '../../evaluation/featureNetwork.js';
import { createInceptionExtractor } from '../../evaluation/inception/extractor.js';
import { loadInceptionWeights } from '../../evaluation/inception/weights.js';
import { randomProjection } from '../../evaluation/randomProjection.js';
import { readReference, writeReference } from '../../evaluation/referenceFile.js';
import { referenceFeatures, type ReferenceFeatures } from '../../evaluation/referenceFeatures.js';
import { trainFeatureNetwork } from '../../evaluation/trainFeatureNetwork.js';
import type { Dataset } from '../../data/dataset.js';
import { ProgressMeter } from '../progressMeter.js';
import type { Stage, StageContext } from '../stage.js';
import type { StageStore } from '../stageStore.js';

const FILE = 'features.safetensors';
const REFERENCE_FILE = 'reference.npz';

/** Trains the feature network that samples are compared with, where the data is labelled, and sees the real images with it. */
export function featureStage(config: ExperimentConfig): Stage {
  const { features, inceptionWeights } = config.evaluation;
  return {
    id: 'features',
    after: [],
    inputs: { data: config.data, ...(features === 'inception' && { features, inceptionWeights }) },
    async run(context) {
      await mkdir(context.folder, { recursive: true });
      const { train } = context.data;
      // With Inception features nothing is trained, but weights that are missing or wrong are found here, before hours of work.
      if (features !== 'inception' && train.labels !== null) await trainFeatures(context);
      const extractor = await openFeatures(context.store, train, config.evaluation);
      const progress = new ProgressMeter(context.emit, context.stageId, 'image', train.count);
      const reference = await referenceFeatures(extractor, train, {
        signal: context.signal,
        onProgress: (done) => progress.report(done),
      });
      await writeReference(join(context.folder, REFERENCE_FILE), reference);
      return {};
    },
  };
}

async function trainFeatures(context: StageContext): Promise<void> {
  const path = join(context.folder, FILE);
  // An interruption while the images were being seen leaves a finished network.
  if (await exists(path)) return;
  let progress: ProgressMeter | null = null;
  const network = await trainFeatureNetwork({
    dataset: context.data.train,
    signal: context.signal,
    onProgress: (update, updates) => {
      progress ??= new ProgressMeter(context.emit, context.stageId, 'step', updates);
      progress.report(update);
    },
  });
  await writeFeatureNetwork(path, network);
}

/**
 * The features that a finished stage left, for images of the project's shape.
 * @throws input error `STAGE_NOT_READY` before the stage is finished
 */
export async function openKeptFeatures(
  store: StageStore,
  { data, evaluation }: ExperimentConfig,
): Promise<FeatureExtractor> {
  if ((await store.read('features'))?.state !== 'done') {
    throw inputError('STAGE_NOT_READY', 'the features are not finished', 'run the project first: `stepadapt run`');
  }
  if (evaluation.features === 'inception') {
    return createInceptionExtractor(await loadInceptionWeights(evaluation.inceptionWeights), data);
  }
  const path = join(store.folder('features'), FILE);
  return (await exists(path)) ? readFeatureNetwork(path) : randomProjection(data);
}

/** Whether the stage kept the reference set's features. */
export function hasReference(store: StageStore): Promise<boolean> {
  return exists(join(store.folder('features'), REFERENCE_FILE));
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The reference set's features: those that the stage kept, or computed where an earlier version kept none. */
export async function openReference(
  store: StageStore,
  extractor: FeatureExtractor,
  data: Dataset,
  signal: AbortSignal,
): Promise<ReferenceFeatures> {
  const kept = await readReference(join(store.folder('features'), REFERENCE_FILE), extractor, data);
  return kept ?? referenceFeatures(extractor, data, { signal });
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
