import { crc32 } from 'node:zlib';
import { unzipSync, zipSync } from 'fflate';
import { StepAdaptError, inputError } from '../contract/errors.js';
import { decodeNpy, encodeNpy, type NpyArray, type NpyDtype } from './npy.js';

/** Deflate cannot expand more than this (zlib's technical notes): a larger promise is a damaged or hostile file. */
const MAX_DEFLATE_RATIO = 1032;
const MAX_BYTES = 2 ** 32 - 1;
/** The earliest time a zip file can carry, so that equal arrays make equal files. */
const NO_TIME = new Date(1980, 0, 1);

/** Encodes named arrays as an uncompressed npz file, as `numpy.savez` does. Equal arrays make equal bytes. */
export function encodeNpz(arrays: Readonly<Record<string, NpyArray>>): Uint8Array {
  const entries = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)] as const);
  return zipSync(Object.fromEntries(entries), { level: 0, mtime: NO_TIME });
}

function invalid(name: string, detail: string, cause?: unknown) {
  const message = `${name} is not a readable npz file: ${detail}`;
  return inputError('NPZ_INVALID', message, 'save it again with numpy.savez', { cause });
}

/** Sizes of the fixed part of two records of a zip file (PKWARE's APPNOTE, 4.3.12 and 4.3.16). */
const CENTRAL_HEADER = 46;
const END_RECORD = 22;
const END_SIGNATURE = Buffer.from('PK\x05\x06', 'latin1');

/** The CRC-32 of every entry as the central directory has it, by name. The unzipping library leaves them unchecked. */
function recordedChecksums(bytes: Uint8Array): Map<string, number> {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = zip.lastIndexOf(END_SIGNATURE, zip.length - END_RECORD);
  const entries = zip.readUInt16LE(end + 10);
  const checksums = new Map<string, number>();
  let at = zip.readUInt32LE(end + 16);
  for (let entry = 0; entry < entries; entry++) {
    const nameEnd = at + CENTRAL_HEADER + zip.readUInt16LE(at + 28);
    checksums.set(zip.toString('utf8', at + CENTRAL_HEADER, nameEnd), zip.readUInt32LE(at + 16));
    at = nameEnd + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return checksums;
}

/** The npy entries of a zip file. */
function unzip(bytes: Uint8Array, name: string): Record<string, Uint8Array> {
  let total = 0;
  try {
    // Sizes come from the central directory: numpy leaves 0xFFFFFFFF in the local headers.
    const files = unzipSync(bytes, {
      filter: (entry) => {
        total += entry.originalSize;
        const packed = Math.min(entry.size, bytes.length);
        if (entry.name === '' || entry.originalSize > packed * MAX_DEFLATE_RATIO || total > MAX_BYTES) {
          throw invalid(name, `it promises ${entry.originalSize} bytes for "${entry.name}", more than it can hold`);
        }
        return entry.name.endsWith('.npy');
      },
    });
    const checksums = recordedChecksums(bytes);
    for (const [entry, content] of Object.entries(files)) {
      if (checksums.get(entry) !== crc32(content)) throw invalid(name, `"${entry}" does not match its checksum`);
    }
    return files;
  } catch (cause) {
    if (cause instanceof StepAdaptError) throw cause;
    throw invalid(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/**
 * Decodes an npz file as numpy's `savez` (stored) and `savez_compressed` (deflated) write it, zip64 headers included. Entries
 * that are not npy arrays are left out.
 *
 * @param name what the errors call the file
 * @throws input errors NPZ_INVALID, NPY_INVALID, NPY_DTYPE
 */
export function decodeNpz(bytes: Uint8Array, name = 'the npz file'): Map<string, NpyArray> {
  const files = unzip(bytes, name);
  return new Map(
    Object.entries(files).map(([entry, content]) => {
      const key = entry.slice(0, -'.npy'.length);
      return [key, decodeNpy(content, `"${key}" in ${name}`)];
    }),
  );
}

/** What a reader needs of an array; null is a size that may be anything. */
export interface ExpectedArray<D extends NpyDtype> {
  readonly dtypes: readonly D[];
  readonly shape: readonly (number | null)[];
}

/**
 * The array under the first of `keys` that is there, checked.
 *
 * @throws input errors NPZ_MISSING_KEY, NPZ_WRONG_ARRAY
 */
export function requireArray<D extends NpyDtype>(
  arrays: ReadonlyMap<string, NpyArray>,
  keys: readonly string[],
  expected: ExpectedArray<D>,
  name: string,
): Extract<NpyArray, { dtype: D }> {
  const key = keys.find((candidate) => arrays.has(candidate));
  const array = key === undefined ? undefined : arrays.get(key);
  if (array === undefined) {
    throw inputError(
      'NPZ_MISSING_KEY',
      `${name} has no array "${keys.join('" or "')}"; it has ${[...arrays.keys()].join(', ') || 'none'}`,
      'check which file this is',
    );
  }
  const fits =
    expected.dtypes.some((dtype) => dtype === array.dtype) &&
    expected.shape.length === array.shape.length &&
    expected.shape.every((size, axis) => size === null || size === array.shape[axis]);
  if (!fits) {
    throw inputError(
      'NPZ_WRONG_ARRAY',
      `"${key}" in ${name} is ${array.dtype} (${array.shape.join(', ')})`,
      `it must be ${expected.dtypes.join(' or ')} (${expected.shape.map((size) => size ?? 'any').join(', ')})`,
    );
  }
  return array as Extract<NpyArray, { dtype: D }>;
}
