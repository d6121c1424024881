import { readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ExperimentConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import { diffusionFromScheduler } from '../diffusion/diffusersScheduler.js';
import { decodeSafetensors } from '../formats/safetensors.js';
import { decodeTorchFile } from '../formats/torchPickle.js';
import { buildUNetSpec } from '../model/buildSpec.js';
import { readModelFolder, weightsFor } from '../model/diffusersFolder.js';
import { fromOldLayout, isOldLayout } from '../model/oldLayout.js';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { importedHash } from './importedBase.js';

export interface ImportedModel {
  readonly spec: UNetSpec;
  readonly weights: Weights;
  /** The config with the network, schedule and target of the model, and the model as its base. */
  readonly config: ExperimentConfig;
}

/**
 * Reads a trained network as the base of an experiment.
 *
 * A folder of diffusers' (`unet/`, `scheduler/`, or their files at its top level) says its network and schedule itself. A file
 * of tensors (`.safetensors`, or what `torch.save` wrote) says neither: it must be of the network that `config` describes, under
 * diffusers' names or those of the first PyTorch port of DDPM.
 *
 * @param config of a preset; everything that the model does not decide
 * @throws input errors `IMPORT_NOT_FOUND`, `MODEL_UNSUPPORTED`, `MODEL_INVALID`, `SCHEDULE_UNSUPPORTED` and those of the formats
 */
export async function importModel(path: string, config: ExperimentConfig): Promise<ImportedModel> {
  const found = await stat(path).catch(() => null);
  if (found === null) {
    throw inputError('IMPORT_NOT_FOUND', `there is no ${path}`, 'name a diffusers folder or a file of weights');
  }
  const read = found.isDirectory() ? await readFolder(path, config) : await readTensors(path, config);
  const adopted = read.config;
  return { ...read, config: { ...adopted, base: { ...adopted.base, imported: importedHash(read.weights) } } };
}

async function readTensors(path: string, config: ExperimentConfig): Promise<ImportedModel> {
  const bytes = await readFile(path);
  const tensors =
    extname(path) === '.safetensors' ? decodeSafetensors(bytes, path).tensors : decodeTorchFile(bytes, path);
  const spec = buildUNetSpec(config.model, config.data, config.diffusion);
  const named = isOldLayout(tensors.keys()) ? fromOldLayout(tensors, config.model.multipliers.length) : tensors;
  return { spec, weights: weightsFor(spec, named, path), config };
}

async function readFolder(path: string, config: ExperimentConfig): Promise<ImportedModel> {
  const { spec, weights } = await readModelFolder(path);
  const adopted = withNetwork(spec, config, path);
  const scheduler = await readScheduler(path);
  const diffusion = { ...adopted.diffusion, ...scheduler };
  return { spec, weights, config: { ...adopted, diffusion } };
}

/** The config of this network, where a config can say it. */
function withNetwork(spec: UNetSpec, config: ExperimentConfig, path: string): ExperimentConfig {
  const channels = spec.down[0].blocks[0].res.out;
  const model = {
    ...config.model,
    channels,
    multipliers: spec.down.map(({ blocks }) => blocks[0].res.out / channels),
    blocks: spec.down[0].blocks.length,
    attention: spec.down.flatMap(({ blocks }, level) => (blocks[0].attention === null ? [] : [spec.size / 2 ** level])),
    attentionHeads: spec.mid.attention.heads,
    scaleShiftNorm: spec.scaleShift,
    normGroups: spec.normOutGroups,
  };
  const data = { ...config.data, size: spec.size, channels: spec.inChannels as 1 | 3 };
  const variance = spec.outChannels === spec.inChannels ? ('fixed' as const) : ('learned-range' as const);
  const diffusion = { ...config.diffusion, variance };
  const isWhole = model.multipliers.every(Number.isInteger) && [1, 3].includes(spec.inChannels);
  if (
    !isWhole ||
    !isDeepStrictEqual({ ...buildUNetSpec(model, data, diffusion), dropout: 0 }, { ...spec, dropout: 0 })
  ) {
    throw inputError(
      'MODEL_UNSUPPORTED',
      `the network in ${basename(path)} is not one that can be the base of an experiment`,
      'a base has whole multiples of its first width, the same attention on the way down and up, norms of eps 1e-6, and no pruned widths',
    );
  }
  return { ...config, data, diffusion, model };
}

async function readScheduler(path: string): Promise<Partial<ReturnType<typeof diffusionFromScheduler>>> {
  for (const file of [join(path, 'scheduler', 'scheduler_config.json'), join(path, 'scheduler_config.json')]) {
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text === null) continue;
    try {
      return diffusionFromScheduler(JSON.parse(text), file);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw inputError('MODEL_INVALID', `${file} is not JSON`, 'the file is damaged: copy or download it again');
    }
  }
  return {};
}
