import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { failure, inputError } from '../contract/errors.js';
import { encodeSafetensors } from '../formats/safetensors.js';
import { readModelFolder, writeModelFolder } from '../model/diffusersFolder.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { writeCheckpoint } from '../training/checkpoint.js';
import { freshOptimizerState } from '../training/optimizerState.js';
import type { StageContext } from './stage.js';

/** Folder of a project that holds the network which takes the place of the base's training. */
const IMPORT_FOLDER = 'imported';
const WEIGHTS_FILE = join('unet', 'diffusion_pytorch_model.safetensors');

/** SHA-256 of the weights file that `writeImportedBase` writes: what `base.imported` of the config holds. */
export function importedHash(weights: Weights): string {
  return sha256(encodeSafetensors(weights, { format: 'pt' }));
}

/** Puts a network into the project as its base. */
export function writeImportedBase(projectFolder: string, spec: UNetSpec, weights: Weights): Promise<void> {
  return writeModelFolder(join(projectFolder, IMPORT_FOLDER), spec, weights);
}

/**
 * Makes the imported network the stage's finished checkpoint: the same weights trained and averaged.
 * @throws failure `IMPORT_DAMAGED` when the weights are missing or are not those of the config
 * @throws input error `MODEL_MISMATCH` when the config now asks for another network
 */
export async function takeImportedBase(context: StageContext, hash: string): Promise<void> {
  const folder = join(context.project.folder, IMPORT_FOLDER);
  const bytes = await readFile(join(folder, WEIGHTS_FILE)).catch(() => null);
  if (bytes === null || sha256(bytes) !== hash) {
    throw failure(
      'IMPORT_DAMAGED',
      `${join(folder, WEIGHTS_FILE)} ${bytes === null ? 'is missing' : 'has changed since it was imported'}`,
      'import the model again into a new project, or set base.imported to null to train a base',
    );
  }
  const { spec, weights } = await readModelFolder(folder);
  const { design, config, engine } = context;
  if (!isDeepStrictEqual({ ...spec, dropout: 0 }, { ...design.spec, dropout: 0 })) {
    throw inputError(
      'MODEL_MISMATCH',
      "the config's data, model or diffusion.variance no longer describe the imported network",
      'undo the change, or set base.imported to null to train a base',
    );
  }
  await writeCheckpoint(context.folder, {
    spec: design.spec,
    state: freshOptimizerState(weights),
    meta: { step: 0, seed: config.seed, engine, extra: null },
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
