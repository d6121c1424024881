import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError } from '../contract/errors.js';
import type { FeatureExtractor } from '../evaluation/featureExtractor.js';
import { readFeatureNetwork } from '../evaluation/featureNetwork.js';
import { FEATURE_DIMENSIONS, type InceptionDimensions } from '../evaluation/inception/architecture.js';
import { createInceptionExtractor } from '../evaluation/inception/extractor.js';
import { downloadInceptionWeights, findInceptionFile, loadInceptionWeights } from '../evaluation/inception/weights.js';
import { randomProjection } from '../evaluation/randomProjection.js';
import { ProgressMeter } from '../pipeline/progressMeter.js';
import { badOption } from './options.js';
import { openProgressView } from './progressView.js';

/** How a command names the features to compare in: `--features`, `--dims`, `--download`, `--batch-size`. */
export interface FeatureChoice {
  readonly features: string;
  readonly dims: number;
  readonly download?: boolean;
  readonly batchSize?: number;
}

export const FEATURES_HELP =
  'inception, inception:FILE, random-projection, or a project folder or its features.safetensors';

interface ImageShape {
  readonly size: number;
  readonly channels: number;
}

/**
 * Opens the features that a command line names, for images of this shape.
 * @throws input errors BAD_OPTION, INCEPTION_WEIGHTS_MISSING, and those of weight files
 */
export async function openChosenFeatures(
  choice: FeatureChoice,
  image: ImageShape,
  signal: AbortSignal,
): Promise<FeatureExtractor> {
  const [kind, ...rest] = choice.features.split(':');
  if (kind === 'inception') {
    const dimensions = FEATURE_DIMENSIONS.find((size) => size === choice.dims);
    if (dimensions === undefined) {
      throw badOption(
        'dims',
        `Inception features have ${FEATURE_DIMENSIONS.join(', ')} dimensions, not ${choice.dims}`,
      );
    }
    return openInception(rest.length > 0 ? rest.join(':') : null, image, dimensions, choice, signal);
  }
  if (choice.features === 'random-projection') return randomProjection(image);
  const status = await stat(choice.features).catch((cause: unknown) => {
    throw inputError('FEATURES_NOT_FOUND', `${choice.features} does not exist`, `--features takes ${FEATURES_HELP}`, {
      cause,
    });
  });
  return readFeatureNetwork(
    status.isDirectory() ? join(choice.features, 'stages', 'features', 'features.safetensors') : choice.features,
  );
}

async function openInception(
  path: string | null,
  image: ImageShape,
  dimensions: InceptionDimensions,
  { download, batchSize }: FeatureChoice,
  signal: AbortSignal,
): Promise<FeatureExtractor> {
  if (path === null && download === true && (await findInceptionFile(null)) === null) {
    const view = openProgressView({ json: false });
    try {
      let progress: ProgressMeter | null = null;
      await downloadInceptionWeights({
        signal,
        onProgress: ({ done, total }) => {
          progress ??= new ProgressMeter(view.emit, 'Inception weights', 'byte', total ?? done);
          progress.report(done);
        },
      });
    } finally {
      view.close();
    }
  }
  return createInceptionExtractor(await loadInceptionWeights(path), image, dimensions, batchSize);
}
