import { zipSync } from 'fflate';
import { inputError } from '../contract/errors.js';
import { decodeNpy, encodeNpy, type NpyArray, type NpyDtype } from './npy.js';
import { readZip } from './zip.js';

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

/**
 * Decodes an npz file as numpy's `savez` (stored) and `savez_compressed` (deflated) write it, zip64 headers included. Entries
 * that are not npy arrays are left out.
 *
 * @param name what the errors call the file
 * @throws input errors NPZ_INVALID, NPY_INVALID, NPY_DTYPE
 */
export function decodeNpz(bytes: Uint8Array, name = 'the npz file'): Map<string, NpyArray> {
  const files = readZip(
    bytes,
    (entry) => entry.endsWith('.npy'),
    (detail, cause) => invalid(name, detail, cause),
  );
  return new Map(
    Array.from(files, ([entry, content]) => {
      const key = entry.slice(0, -'.npy'.length);
      return [key, decodeNpy(content, `"${key}" in ${name}`)];
    }),
  );
}

const NUMPY_NAMES: Readonly<Record<NpyDtype, string>> = {
  '<f4': 'float32',
  '<f8': 'float64',
  '|u1': 'uint8',
  '<i4': 'int32',
  '<i8': 'int64',
};

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
      `"${key}" in ${name} is ${NUMPY_NAMES[array.dtype]} (${array.shape.join(', ')})`,
      `it must be ${expected.dtypes.map((dtype) => NUMPY_NAMES[dtype]).join(' or ')} (${expected.shape.map((size) => size ?? 'any').join(', ')})`,
    );
  }
  return array as Extract<NpyArray, { dtype: D }>;
}
