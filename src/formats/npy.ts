import { inputError } from '../contract/errors.js';

/** Arrays that the product writes and reads, in numpy's own names of types. */
export type NpyArray =
  | { readonly dtype: '<f4'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: '<f8'; readonly shape: readonly number[]; readonly data: Float64Array }
  | { readonly dtype: '|u1'; readonly shape: readonly number[]; readonly data: Uint8Array }
  | { readonly dtype: '<i4'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: '<i8'; readonly shape: readonly number[]; readonly data: BigInt64Array };

export type NpyDtype = NpyArray['dtype'];

const ITEM_BYTES: Record<NpyDtype, number> = { '<f4': 4, '<f8': 8, '|u1': 1, '<i4': 4, '<i8': 8 };
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const ALIGNMENT = 64;
/** numpy itself writes a few hundred bytes. */
const MAX_HEADER_BYTES = 1 << 16;
/** numpy allows no more axes (NPY_MAXDIMS). */
const MAX_RANK = 64;

const elements = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

/** Encodes an array as an npy file, format version 1.0, C order (numpy.lib.format). */
export function encodeNpy(array: NpyArray): Uint8Array {
  if (elements(array.shape) !== array.data.length) {
    throw new RangeError(`shape (${array.shape.join(', ')}) does not hold ${array.data.length} values`);
  }
  const shape = array.shape.length === 1 ? `(${array.shape[0]},)` : `(${array.shape.join(', ')})`;
  const dictionary = `{'descr': '${array.dtype}', 'fortran_order': False, 'shape': ${shape}, }`;
  const unpadded = MAGIC.length + 4 + dictionary.length + 1;
  const dataStart = Math.ceil(unpadded / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(dataStart + array.data.byteLength);
  bytes.set(MAGIC);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, dataStart - 10, true);
  const text = `${dictionary.padEnd(dataStart - 11)}\n`;
  bytes.set(Buffer.from(text, 'latin1'), 10);
  bytes.set(new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength), dataStart);
  return bytes;
}

interface NpyHeader {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  readonly dataStart: number;
}

function invalid(name: string, detail: string) {
  return inputError('NPY_INVALID', `${name} is not a readable npy array: ${detail}`, 'save it again with numpy');
}

function parseHeader(bytes: Uint8Array, name: string): NpyHeader {
  if (bytes.length < 12 || MAGIC.some((byte, i) => bytes[i] !== byte)) throw invalid(name, 'it has no npy magic');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if (version < 1 || version > 3) throw invalid(name, `format version ${version} is unknown`);
  const lengthBytes = version === 1 ? 2 : 4;
  const textStart = 8 + lengthBytes;
  const textBytes = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (textBytes > MAX_HEADER_BYTES) throw invalid(name, `its header claims ${textBytes} bytes`);
  if (textStart + textBytes > bytes.length) throw invalid(name, 'its header is cut off');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + textStart, textBytes).toString('utf8');
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (order === undefined || shape === undefined) throw invalid(name, 'its header is not understood');
  if (descr === undefined) throw invalid(name, 'it holds records of several fields');
  const sizes = shape
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map(Number);
  if (sizes.length > MAX_RANK || !sizes.every(Number.isSafeInteger)) throw invalid(name, 'its shape cannot be');
  return { descr, fortranOrder: order === 'True', shape: sizes, dataStart: textStart + textBytes };
}

/** For each element in C order, its place in Fortran order (first axis fastest). */
function fortranPlaces(shape: readonly number[], visit: (cOrder: number, fortran: number) => void): void {
  const strides = shape.map((_, axis) => elements(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  const total = elements(shape);
  let place = 0;
  for (let i = 0; i < total; i++) {
    visit(i, place);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

function typedArray(dtype: NpyDtype, shape: readonly number[], buffer: ArrayBuffer): NpyArray {
  switch (dtype) {
    case '<f4':
      return { dtype, shape, data: new Float32Array(buffer) };
    case '<f8':
      return { dtype, shape, data: new Float64Array(buffer) };
    case '|u1':
      return { dtype, shape, data: new Uint8Array(buffer) };
    case '<i4':
      return { dtype, shape, data: new Int32Array(buffer) };
    case '<i8':
      return { dtype, shape, data: new BigInt64Array(buffer) };
  }
}

/**
 * Decodes an npy file of version 1 to 3. Fortran-ordered arrays are brought into C order.
 *
 * @param name what the errors call it
 * @throws input errors NPY_INVALID (damaged or truncated), NPY_DTYPE (a type outside `NpyDtype`, such as big-endian or pickled)
 */
export function decodeNpy(bytes: Uint8Array, name: string): NpyArray {
  const { descr, fortranOrder, shape, dataStart } = parseHeader(bytes, name);
  if (!Object.hasOwn(ITEM_BYTES, descr)) {
    throw inputError(
      'NPY_DTYPE',
      `${name} holds values of type ${descr}`,
      `save it as one of ${Object.keys(ITEM_BYTES).join(', ')}`,
    );
  }
  const dtype = descr as NpyDtype;
  const itemBytes = ITEM_BYTES[dtype];
  const expected = elements(shape) * itemBytes;
  if (bytes.length - dataStart !== expected) {
    throw invalid(name, `shape (${shape.join(', ')}) needs ${expected} bytes, ${bytes.length - dataStart} are there`);
  }
  const source = bytes.subarray(dataStart);
  const ordered = new Uint8Array(expected);
  if (fortranOrder && shape.length > 1) {
    fortranPlaces(shape, (cOrder, fortran) => {
      const from = fortran * itemBytes;
      const to = cOrder * itemBytes;
      for (let byte = 0; byte < itemBytes; byte++) ordered[to + byte] = source[from + byte];
    });
  } else {
    ordered.set(source);
  }
  return typedArray(dtype, shape, ordered.buffer);
}
