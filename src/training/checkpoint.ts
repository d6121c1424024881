import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { failure, StepAdaptError } from '../contract/errors.js';
import { parseJson } from '../formats/json.js';
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.js';
import { writeModelFolder } from '../model/diffusersFolder.js';
import type { UNetSpec } from '../model/spec.js';
import { unetSpecSchema } from '../model/specSchema.js';
import type { WeightArray, Weights } from '../model/weights.js';
import { fsyncFolder } from '../project/atomicFile.js';
import { requireSpace } from '../project/diskSpace.js';
import type { Engine } from '../tensor/engine.js';
import { checkpointsFolder, listCheckpoints, publishCheckpoint } from './checkpointFolders.js';
import type { OptimizerState } from './trainStep.js';
import { safeParse } from '../contract/safeParse.js';

/** Everything that a training needs to go on as if it had never stopped. */
export interface Checkpoint {
  readonly spec: UNetSpec;
  readonly state: OptimizerState;
  readonly meta: CheckpointMeta;
}

interface CheckpointMeta {
  /** Optimizer updates done. Data order, noises, masks and schedules are functions of it. */
  readonly step: number;
  /** Seed of the training's random streams. */
  readonly seed: number;
  /** What computed it: the same weights go on bit for bit on the same engine with the same threads only. */
  readonly engine: Engine;
  /** Whatever else the caller wants back, as JSON. */
  readonly extra: unknown;
}

/** Of each parameter: float32 values of the weights, their average and two moments. */
export const CHECKPOINT_BYTES = 16;
/** Headers, configurations and the state file. */
const OVERHEAD_BYTES = 1 << 18;

const FORMAT = 'stepadapt-checkpoint';
const VERSION = 1;
const STATE_FILE = 'state.json';
/** Averaged weights in a place and layout that diffusers opens; also what a person wants from a checkpoint. */
const EMA_FOLDER = 'unet';
const EMA_FILE = `${EMA_FOLDER}/diffusion_pytorch_model.safetensors`;
const EMA_CONFIG = `${EMA_FOLDER}/config.json`;
const STATE_PARTS = {
  weights: 'raw.safetensors',
  firstMoment: 'first-moment.safetensors',
  secondMoment: 'second-moment.safetensors',
} as const;

const stateSchema = z.object({
  step: z.number().int().min(0),
  seed: z.number().int().min(0),
  engine: z.object({
    id: z.enum(['native', 'wasm']),
    version: z.string(),
    device: z.string(),
    threads: z.number().int(),
  }),
  spec: unetSpecSchema,
  extra: z.unknown(),
  /** File, relative to the folder, to SHA-256. */
  files: z.record(z.string(), z.string()),
});

/** Writes one file; replaced in tests by one that fails. */
type WriteFile = (path: string, data: Uint8Array) => Promise<void>;

/**
 * Writes a checkpoint of a stage: complete and durable under its final name, or not there at all. A failure (a full disk, say)
 * leaves earlier checkpoints as they were and frees what it wrote.
 *
 * @throws failure `DISK_FULL` before anything is written where there is no room for the whole of it
 * @returns path of the checkpoint's folder
 */
export async function writeCheckpoint(
  stageDir: string,
  { spec, state, meta }: Checkpoint,
  write: WriteFile = writeFile,
): Promise<string> {
  const parameters = [...state.weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  await requireSpace(stageDir, parameters * CHECKPOINT_BYTES + OVERHEAD_BYTES, `a checkpoint of step ${meta.step}`);
  return publishCheckpoint(stageDir, meta.step, async (folder) => {
    await writeModelFolder(folder, spec, state.ema);
    for (const [part, file] of Object.entries(STATE_PARTS)) {
      await write(join(folder, file), encodeSafetensors(state[part as keyof typeof STATE_PARTS]));
    }
    const files: Record<string, string> = {};
    for (const file of [EMA_CONFIG, EMA_FILE, ...Object.values(STATE_PARTS)]) {
      files[file] = await sealFile(join(folder, file));
    }
    const body = { format: FORMAT, version: VERSION, ...meta, spec, files };
    const text = `${JSON.stringify({ ...body, sha256: sha256(JSON.stringify(body)) }, null, 2)}\n`;
    await write(join(folder, STATE_FILE), Buffer.from(text));
    await sealFile(join(folder, STATE_FILE));
    await fsyncFolder(join(folder, EMA_FOLDER));
    await fsyncFolder(folder);
  });
}

/**
 * Reads a checkpoint and verifies every file against the hashes written with it.
 *
 * @throws failure `CHECKPOINT_CORRUPT` naming the damaged or missing file
 * @throws failure `CHECKPOINT_VERSION` when a newer program wrote it
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const { files, spec, step, seed, engine, extra } = readState(folder, await readPart(folder, STATE_FILE));
  const weightsIn = async (file: string): Promise<Weights> => {
    const bytes = await readPart(folder, file);
    if (sha256(bytes) !== files[file]) throw corrupt(folder, file, 'does not match its hash');
    return decodeWeights(bytes, file);
  };
  const config = await readPart(folder, EMA_CONFIG);
  if (sha256(config) !== files[EMA_CONFIG]) throw corrupt(folder, EMA_CONFIG, 'does not match its hash');
  const state: OptimizerState = {
    weights: await weightsIn(STATE_PARTS.weights),
    ema: await weightsIn(EMA_FILE),
    firstMoment: await weightsIn(STATE_PARTS.firstMoment),
    secondMoment: await weightsIn(STATE_PARTS.secondMoment),
  };
  return { spec, state, meta: { step, seed, engine, extra } };
}

/** What there is to go on from. */
interface LatestCheckpoint {
  /** The newest intact checkpoint; null when the stage has none at all. */
  readonly found: { readonly folder: string; readonly checkpoint: Checkpoint } | null;
  /** One `CHECKPOINT_CORRUPT` for each damaged checkpoint newer than the found one, for the caller to report. */
  readonly damaged: readonly StepAdaptError[];
}

/**
 * Finds the newest checkpoint of a stage whose files are all intact.
 *
 * @throws failure `CHECKPOINT_CORRUPT` when there are checkpoints and all are damaged: starting over is not decided silently
 */
export async function latestCheckpoint(stageDir: string): Promise<LatestCheckpoint> {
  const damaged: StepAdaptError[] = [];
  for (const folder of await listCheckpoints(stageDir)) {
    try {
      return { found: { folder, checkpoint: await readCheckpoint(folder) }, damaged };
    } catch (error) {
      if (!(error instanceof StepAdaptError) || error.code !== 'CHECKPOINT_CORRUPT') throw error;
      damaged.push(error);
    }
  }
  if (damaged.length === 0) return { found: null, damaged };
  throw failure(
    'CHECKPOINT_CORRUPT',
    `no checkpoint of ${stageDir} is intact: ${damaged.map(({ message }) => message).join('; ')}`,
    `restore one, or remove ${checkpointsFolder(stageDir)} to start over`,
  );
}

/** Makes a written file durable and returns its SHA-256. */
async function sealFile(path: string): Promise<string> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
    return sha256(await handle.readFile());
  } finally {
    await handle.close();
  }
}

function readState(folder: string, bytes: Uint8Array): z.output<typeof stateSchema> {
  let json: Record<string, unknown>;
  try {
    json = z.record(z.string(), z.unknown()).parse(parseJson(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw corrupt(folder, STATE_FILE, 'is not a JSON object', error);
  }
  const { sha256: expected, ...body } = json;
  if (expected !== sha256(JSON.stringify(body))) throw corrupt(folder, STATE_FILE, 'does not match its hash');
  if (body.format !== FORMAT || body.version !== VERSION) {
    throw failure(
      'CHECKPOINT_VERSION',
      `${join(folder, STATE_FILE)} is not of format ${FORMAT}, version ${VERSION}`,
      'open it with the program version that wrote it',
    );
  }
  const state = safeParse(stateSchema, body);
  if (!state.success) throw corrupt(folder, STATE_FILE, 'does not describe a checkpoint', state.error);
  return state.data;
}

async function readPart(folder: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw corrupt(folder, file, 'is missing', error);
    throw error;
  }
}

function decodeWeights(bytes: Uint8Array, name: string): Weights {
  const { tensors } = decodeSafetensors(bytes, name);
  return new Map<string, WeightArray>(
    Array.from(tensors, ([tensor, { shape, data }]) => [tensor, { shape, data: data as Float32Array }]),
  );
}

function corrupt(folder: string, file: string, what: string, cause?: unknown): StepAdaptError {
  return failure(
    'CHECKPOINT_CORRUPT',
    `${join(folder, file)} ${what}`,
    'remove that checkpoint folder; an older checkpoint is used if there is one',
    { cause },
  );
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}
