import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError, StepAdaptError } from '../contract/errors.js';
import { readInputFile } from '../formats/inputFile.js';
import { parseJson } from '../formats/json.js';
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from '../formats/safetensors.js';
import { writeFileAtomic, writeJsonAtomic } from '../project/atomicFile.js';
import { diffusersConfig, specFromDiffusersConfig } from './diffusersConfig.js';
import type { UNetSpec } from './spec.js';
import { tensorShapes } from './tensorShapes.js';
import type { WeightArray, Weights } from './weights.js';

/** Sub-folder of the network in a pipeline's folder. */
const UNET_FOLDER = 'unet';
const CONFIG_FILE = 'config.json';
const WEIGHTS_FILE = 'diffusion_pytorch_model.safetensors';
const MAX_CONFIG_BYTES = 2 ** 20;
/** Names of attention layers in files of old diffusers versions. */
const OLD_ATTENTION_NAMES: Readonly<Record<string, string>> = {
  query: 'to_q',
  key: 'to_k',
  value: 'to_v',
  proj_attn: 'to_out.0',
};

/**
 * Writes `unet/config.json` and `unet/diffusion_pytorch_model.safetensors` into `dir`, as diffusers' `UNet2DModel` does. A
 * network with pruned widths has its specification in the config as well, and diffusers refuses its weights.
 */
export async function writeModelFolder(dir: string, spec: UNetSpec, weights: Weights): Promise<void> {
  const folder = join(dir, UNET_FOLDER);
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(join(folder, WEIGHTS_FILE), encodeSafetensors(weights, { format: 'pt' }));
  await writeJsonAtomic(join(folder, CONFIG_FILE), diffusersConfig(spec));
}

/**
 * Reads a network from a folder of diffusers' or `writeModelFolder`'s: from its sub-folder `unet`, or from the folder itself.
 *
 * @throws input error `MODEL_NOT_FOUND` when a file is missing
 * @throws input error `MODEL_UNSUPPORTED` for another architecture or element type
 * @throws input error `MODEL_INVALID` for a malformed config, and tensors that are missing, unknown or of another shape
 * @throws input error `SAFETENSORS_INVALID` for a damaged weights file
 */
export async function readModelFolder(dir: string): Promise<{ spec: UNetSpec; weights: Weights }> {
  const folders = [join(dir, UNET_FOLDER), dir];
  for (const folder of folders) {
    const configPath = join(folder, CONFIG_FILE);
    const config = await readIfPresent(configPath);
    if (config === null) continue;
    const spec = specFromDiffusersConfig(parseConfigFile(config, configPath), configPath);
    const weightsPath = join(folder, WEIGHTS_FILE);
    const bytes = await readIfPresent(weightsPath);
    if (bytes === null) {
      throw inputError(
        'MODEL_NOT_FOUND',
        `${folder} has a ${CONFIG_FILE} but no ${WEIGHTS_FILE}`,
        'save the weights as safetensors (diffusers: save_pretrained with safe_serialization=True)',
      );
    }
    return { spec, weights: weightsFor(spec, decodeSafetensors(bytes, weightsPath).tensors, weightsPath) };
  }
  throw inputError(
    'MODEL_NOT_FOUND',
    `there is no ${CONFIG_FILE} in ${folders.join(' or ')}`,
    'name the folder that diffusers or this program saved a model to',
  );
}

/**
 * The tensors that `spec` needs, and no others, in alphabetical order.
 *
 * @param path what errors call the file
 * @throws input errors `MODEL_INVALID`, `MODEL_UNSUPPORTED`
 */
export function weightsFor(spec: UNetSpec, tensors: ReadonlyMap<string, SafetensorsTensor>, path: string): Weights {
  const found = new Map(Array.from(tensors, ([name, tensor]) => [currentName(name), tensor]));
  const shapes = tensorShapes(spec);
  const unknown = [...found.keys()].find((name) => !shapes.has(name));
  if (unknown !== undefined) throw misfit(path, `tensor "${unknown}" does not belong to the network of its config`);
  return new Map(
    Array.from(shapes, ([name, shape]): [string, WeightArray] => {
      const tensor = found.get(name);
      if (tensor === undefined) throw misfit(path, `tensor "${name}" is missing`);
      if (tensor.shape.join() !== shape.join()) {
        throw misfit(path, `tensor "${name}" has shape [${tensor.shape.join(', ')}], not [${shape.join(', ')}]`);
      }
      if (!(tensor.data instanceof Float32Array)) {
        throw inputError(
          'MODEL_UNSUPPORTED',
          `tensor "${name}" of ${path} has element type ${tensor.dtype}`,
          'save the weights as 32-bit floats (F32)',
        );
      }
      return [name, { shape, data: tensor.data }];
    }),
  );
}

function currentName(name: string): string {
  return name.replace(
    /(\.attentions\.\d+\.)(query|key|value|proj_attn)\./,
    (_, block: string, layer: string) => `${block}${OLD_ATTENTION_NAMES[layer]}.`,
  );
}

function misfit(path: string, why: string): StepAdaptError {
  return inputError('MODEL_INVALID', `${path}: ${why}`, 'use the weights that were saved together with the config');
}

async function readIfPresent(path: string): Promise<Buffer | null> {
  try {
    return await readInputFile(path);
  } catch (error) {
    if (error instanceof StepAdaptError && error.code === 'FILE_NOT_FOUND') return null;
    throw error;
  }
}

function parseConfigFile(bytes: Buffer, path: string): unknown {
  try {
    if (bytes.length > MAX_CONFIG_BYTES) throw new RangeError('longer than any config');
    return parseJson(bytes.toString('utf8'));
  } catch (error) {
    throw inputError('MODEL_INVALID', `${path} is not JSON`, 'the file is damaged: copy or download it again', {
      cause: error,
    });
  }
}
