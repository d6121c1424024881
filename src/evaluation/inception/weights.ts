import { access, mkdir, open, type FileHandle } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { inputError } from '../../contract/errors.js';
import { digestOf, downloadVerified } from '../../data/download.js';
import type { LoadOptions } from '../../data/sourceImages.js';
import { checkInputFile, readInputFile } from '../../formats/inputFile.js';
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.js';
import { decodeTorchFile } from '../../formats/torchPickle.js';
import type { Weights } from '../../model/weights.js';
import { writeFileAtomic } from '../../project/atomicFile.js';
import { userCacheFolder } from '../../project/userCache.js';
import { foldInceptionWeights } from './foldWeights.js';

/** The published file, whose name carries the beginning of its SHA-256. */
const OFFICIAL_FILE = 'pt_inception-2015-12-05-6726825d.pth';
const OFFICIAL_HASH = '6726825d';
const OFFICIAL_URL = `https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/${OFFICIAL_FILE}`;
const MAX_BYTES = 256 * 2 ** 20;
/** Raised when the converted form changes. */
const CONVERSION = 'v1';

export interface InceptionWeights {
  /** Folded: see `foldInceptionWeights`. */
  readonly weights: Weights;
  /** SHA-256 of the file they come from, hexadecimal. */
  readonly hash: string;
  /** Whether they are the published weights, with which alone a distance is an FID. */
  readonly official: boolean;
}

export interface InceptionOptions extends LoadOptions {
  /** Replaces the user's cache folder. */
  readonly cacheFolder?: string;
}

/** Where `path` or, without one, the published file lies: in PyTorch's cache or in this program's; null when nowhere. */
export async function findInceptionFile(path: string | null, cacheFolder = userCacheFolder()): Promise<string | null> {
  const { TORCH_HOME, XDG_CACHE_HOME } = process.env;
  const torchHome = TORCH_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'torch');
  const places =
    path !== null
      ? [path]
      : [join(torchHome, 'hub', 'checkpoints', OFFICIAL_FILE), join(cacheFolder, 'inception', OFFICIAL_FILE)];
  for (const place of places) {
    const isThere = await access(place).then(
      () => true,
      () => false,
    );
    if (isThere) return place;
  }
  return null;
}

/** Downloads the published weights (about 95 MB) into the user's cache, going on from what an interrupted download left. */
export async function downloadInceptionWeights(options: InceptionOptions = {}): Promise<string> {
  const folder = join(options.cacheFolder ?? userCacheFolder(), 'inception');
  const path = join(folder, OFFICIAL_FILE);
  await mkdir(folder, { recursive: true });
  const checksum = { algorithm: 'sha256', digest: OFFICIAL_HASH } as const;
  await downloadVerified({ url: OFFICIAL_URL, path, checksum, maxBytes: MAX_BYTES }, options);
  return path;
}

/**
 * Weights of the Inception network from a file of pytorch-fid's names, `.pth` or `.safetensors`, or from where the published
 * one usually lies. Nothing is downloaded. A file is converted once; the result is kept in the user's cache under its hash.
 *
 * @throws input errors INCEPTION_WEIGHTS_MISSING, INCEPTION_WEIGHTS_INVALID, TORCH_FILE_INVALID, SAFETENSORS_INVALID
 */
export async function loadInceptionWeights(
  path: string | null,
  options: InceptionOptions = {},
): Promise<InceptionWeights> {
  const cacheFolder = options.cacheFolder ?? userCacheFolder();
  const file = await findInceptionFile(path, cacheFolder);
  if (file === null) {
    throw inputError(
      'INCEPTION_WEIGHTS_MISSING',
      path === null ? `the Inception weights ${OFFICIAL_FILE} are not on this machine` : `${path} does not exist`,
      `fetch them with \`stepadapt fid --download\`, or give the path of the file; its address is ${OFFICIAL_URL}`,
    );
  }
  await checkInputFile(file, { maxBytes: MAX_BYTES });
  // As a stream: once converted, the file itself is not needed in memory.
  const hash = await digestOf(file, 'sha256');
  const official = hash.startsWith(OFFICIAL_HASH);
  const converted = join(cacheFolder, 'inception', `${hash}-${CONVERSION}.safetensors`);
  const kept = await readConverted(converted);
  if (kept !== null) return { weights: kept, hash, official };
  const name = basename(file);
  const bytes = await readInputFile(file, { maxBytes: MAX_BYTES });
  const tensors = file.endsWith('.safetensors') ? decodeSafetensors(bytes, name).tensors : decodeTorchFile(bytes, name);
  const weights = foldInceptionWeights(tensors, name);
  await mkdir(join(cacheFolder, 'inception'), { recursive: true });
  await writeFileAtomic(converted, encodeSafetensors(weights));
  return { weights, hash, official };
}

const convertedSchema = z.record(
  z.string(),
  z.object({
    dtype: z.literal('F32'),
    shape: z.array(z.number().int().min(1)),
    data_offsets: z.tuple([z.number(), z.number()]),
  }),
);
const MAX_HEADER_BYTES = 2 ** 20;

/**
 * What an earlier conversion left; null when there is none or it is damaged, which costs a second conversion and no more. Read
 * tensor by tensor, each into its own memory, so that the file and the tensors are never in memory together.
 */
async function readConverted(path: string): Promise<Weights | null> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch {
    return null;
  }
  try {
    const headerLength = Number((await readAt(file, 0, 8)).readBigUInt64LE());
    if (headerLength > MAX_HEADER_BYTES) return null;
    const header = convertedSchema.parse(JSON.parse((await readAt(file, 8, headerLength)).toString()));
    const weights = new Map<string, { shape: number[]; data: Float32Array }>();
    for (const [name, { shape, data_offsets: offsets }] of Object.entries(header)) {
      const count = shape.reduce((product, length) => product * length, 1);
      const bytes = await readAt(file, 8 + headerLength + offsets[0], 4 * count);
      weights.set(name, { shape, data: new Float32Array(bytes.buffer, bytes.byteOffset, count) });
    }
    return weights;
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

/** @throws Error where the file ends before */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead < length) throw new Error('the file ends too early');
  return buffer;
}
