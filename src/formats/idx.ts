import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { inputError } from '../contract/errors.js';
import { MAX_CONTENT_BYTES, mostUnpackedBytes } from './limits.js';

/**
 * IDX, the format of MNIST and its kin: big-endian magic 00 00 TYPE RANK, then RANK sizes of 4 bytes, then the values in
 * C order (described at the end of yann.lecun.com/exdb/mnist). Only unsigned bytes are read.
 */
export interface IdxArray {
  /** Items in the file, as its header says; `shape[0]` is how many of them were read. */
  readonly itemsInFile: number;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;
const MAX_RANK = 4;
/** Deflate cannot expand more than this (zlib's technical notes), so a short file cannot truly hold more. */
const MAX_DEFLATE_RATIO = 1032;

interface IdxHeader {
  readonly shape: readonly number[];
  readonly headerBytes: number;
  readonly itemBytes: number;
}

/** The header at the start of `bytes`, or null while too few bytes have arrived. */
function parseHeader(bytes: Buffer, path: string): IdxHeader | null {
  if (bytes.length < 4) return null;
  const rank = bytes[3];
  if (bytes[0] !== 0 || bytes[1] !== 0 || rank < 1 || rank > MAX_RANK) {
    throw inputError(
      'DATA_WRONG_MAGIC',
      `${path} is not an IDX file: it starts with ${bytes.subarray(0, 4).toString('hex')}`,
      'give an IDX file as MNIST uses it, plain or gzipped',
    );
  }
  if (bytes[2] !== UNSIGNED_BYTE) {
    throw inputError(
      'DATA_WRONG_TYPE',
      `${path} holds IDX values of type 0x${bytes.toString('hex', 2, 3)}`,
      'only unsigned bytes (type 0x08) are read',
    );
  }
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes) return null;
  const shape = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  return { shape, headerBytes, itemBytes: shape.slice(1).reduce((product, n) => product * n, 1) };
}

function truncated(path: string, detail: string) {
  return inputError('DATA_TRUNCATED', `${path} is truncated: ${detail}`, 'get the file again');
}

async function sizeAndCompression(path: string): Promise<{ fileBytes: number; gzipped: boolean }> {
  const notThere = (cause: NodeJS.ErrnoException) => {
    const what = cause.code === 'ENOENT' ? 'does not exist' : `cannot be opened (${cause.code})`;
    throw inputError('DATA_NOT_FOUND', `${path} ${what}`, 'check the path', { cause });
  };
  // Before it is opened: opening a pipe waits for its other end.
  const status = await stat(path).catch(notThere);
  if (!status.isFile()) throw inputError('DATA_NOT_FOUND', `${path} is not a file`, 'check the path');
  const file = await open(path).catch(notThere);
  try {
    const magic = Buffer.alloc(2);
    await file.read(magic, 0, 2, 0);
    return { fileBytes: status.size, gzipped: magic[0] === 0x1f && magic[1] === 0x8b };
  } finally {
    await file.close();
  }
}

/** The content of a file, unpacked, piece by piece. Leaving the loop early closes the file. */
async function* contentChunks(path: string, gzipped: boolean): AsyncGenerator<Buffer> {
  const file = createReadStream(path);
  const content = gzipped ? file.pipe(createGunzip()) : file;
  file.once('error', (error) => content.destroy(error));
  try {
    yield* content;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw truncated(path, 'its gzip stream ends early');
    if (!code?.startsWith('Z_')) throw cause;
    throw inputError('DATA_UNREADABLE', `${path} is damaged: ${message}`, 'get the file again', { cause });
  } finally {
    file.destroy();
    content.destroy();
  }
}

/** Room for the wanted values, after the header's promise was held against the bytes that the file can hold. */
function allocate(
  header: IdxHeader,
  maxItems: number,
  file: { readonly fileBytes: number; readonly gzipped: boolean },
  path: string,
): Uint8Array<ArrayBuffer> {
  const [items] = header.shape;
  const possibleBytes = file.gzipped ? file.fileBytes * MAX_DEFLATE_RATIO : file.fileBytes;
  const needed = header.headerBytes + items * header.itemBytes;
  if (needed > possibleBytes) {
    throw truncated(path, `its header promises ${needed} bytes, it cannot hold more than ${possibleBytes}`);
  }
  const wanted = Math.min(maxItems, items) * header.itemBytes;
  if (wanted > (file.gzipped ? mostUnpackedBytes(file.fileBytes) : MAX_CONTENT_BYTES)) {
    throw inputError('DATA_TOO_LARGE', `${path} holds ${wanted} bytes of values`, 'set data.count lower');
  }
  return new Uint8Array(wanted);
}

/**
 * Reads an IDX file, gzipped or not (told by its first bytes), but at most its first `maxItems` items. Nothing is allocated
 * for more bytes than the file can hold, and decompression stops where the wanted values end.
 *
 * @throws input errors DATA_NOT_FOUND, DATA_WRONG_MAGIC, DATA_WRONG_TYPE, DATA_TRUNCATED, DATA_WRONG_SIZE, DATA_TOO_LARGE,
 * DATA_UNREADABLE
 */
export async function readIdx(path: string, maxItems = Number.POSITIVE_INFINITY): Promise<IdxArray> {
  const { fileBytes, gzipped } = await sizeAndCompression(path);
  let start = Buffer.alloc(0);
  let header: IdxHeader | null = null;
  let data = new Uint8Array(0);
  let filled = 0;
  for await (const chunk of contentChunks(path, gzipped)) {
    let values = chunk;
    if (header === null) {
      start = Buffer.concat([start, chunk]);
      header = parseHeader(start, path);
      if (header === null) continue;
      data = allocate(header, maxItems, { fileBytes, gzipped }, path);
      values = start.subarray(header.headerBytes);
    }
    const room = data.length - filled;
    const partial = maxItems < header.shape[0];
    if (values.length > room && !partial) {
      const promise = `the ${header.shape[0]} items of ${header.itemBytes} bytes that its header promises`;
      throw inputError('DATA_WRONG_SIZE', `${path} holds more than ${promise}`, 'get the file again');
    }
    data.set(values.subarray(0, room), filled);
    filled += Math.min(values.length, room);
    if (partial && filled === data.length) break;
  }
  if (header === null) throw truncated(path, 'it ends inside its header');
  if (filled < data.length) throw truncated(path, `${data.length} bytes of values are promised, ${filled} are there`);
  const [itemsInFile, ...itemShape] = header.shape;
  return { itemsInFile, shape: [Math.min(maxItems, itemsInFile), ...itemShape], data };
}
