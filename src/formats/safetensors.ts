import { inputError } from '../contract/errors.js';
import { parseJson } from './json.js';

/**
 * The safetensors format: an 8-byte little-endian header length, a JSON header, and the tensors' bytes, row-major and
 * little-endian, without gaps. https://github.com/huggingface/safetensors
 */

type ElementArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;
type ElementArrayConstructor = (new (buffer: ArrayBuffer) => ElementArray) & { readonly BYTES_PER_ELEMENT: number };

/** Element types, smallest first; of equal size, in the order of the reference library, which decides a file's order. */
const DTYPES = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  F8_E5M2: Uint8Array,
  F8_E4M3: Uint8Array,
  I16: Int16Array,
  U16: Uint16Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
} as const satisfies Record<string, ElementArrayConstructor>;

export type SafetensorsDtype = keyof typeof DTYPES;

/** Types without an array of their own in JavaScript: their raw bits are delivered. */
const RAW_BITS: ReadonlySet<string> = new Set(['BOOL', 'F8_E5M2', 'F8_E4M3', 'F16', 'BF16']);

const DTYPE_NAMES = Object.keys(DTYPES) as SafetensorsDtype[];
/** The reference library refuses larger headers. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = '__metadata__';

/** A tensor to write; its element type follows from the array's. */
export interface SafetensorsInput {
  readonly shape: readonly number[];
  readonly data: ElementArray;
}

export interface SafetensorsTensor extends SafetensorsInput {
  readonly dtype: SafetensorsDtype;
}

export interface SafetensorsFile {
  /** In the file's order. */
  readonly tensors: Map<string, SafetensorsTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file, the same as the reference library writes: larger element types first, then by name, the
 * header padded with spaces to a multiple of 8.
 *
 * @throws Error when a tensor's data do not fill its shape
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsInput>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const entries = Array.from(tensors, ([name, tensor]) => ({ name, ...tensor, dtype: dtypeOf(tensor.data) }));
  entries.sort(
    (a, b) =>
      DTYPE_NAMES.indexOf(b.dtype) - DTYPE_NAMES.indexOf(a.dtype) ||
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );

  const header = new Map<string, unknown>();
  if (metadata) header.set(METADATA_KEY, metadata);
  let end = 0;
  for (const { name, dtype, shape, data } of entries) {
    if (data.length !== elementCount(shape)) {
      throw new Error(`tensor "${name}" has ${data.length} values, not those of shape [${shape.join(', ')}]`);
    }
    const begin = end;
    end += data.byteLength;
    header.set(name, { dtype, shape, data_offsets: [begin, end] });
  }

  // Joined by hand: an object would move names that look like array indices to the front.
  const json = `{${Array.from(header, ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const jsonBytes = Buffer.from(json);
  const headerLength = Math.ceil(jsonBytes.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(jsonBytes, 8);
  let offset = 8 + headerLength;
  for (const { data } of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

/**
 * Reads a safetensors file. Everything the header claims is checked before memory is taken for it.
 *
 * @param name of the file, for the error
 * @throws input error `SAFETENSORS_INVALID` for a header that is too long or not one, an unknown element type, data that do not
 * fit their shape, gaps, overlaps, and bytes that belong to no tensor
 */
export function decodeSafetensors(bytes: Uint8Array, name = 'safetensors data'): SafetensorsFile {
  try {
    return decode(bytes);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw inputError(
      'SAFETENSORS_INVALID',
      `${name} is not a valid safetensors file: ${error.message}`,
      'the file is damaged or incomplete: copy or download it again',
    );
  }
}

class Malformed extends Error {}

function decode(bytes: Uint8Array): SafetensorsFile {
  const { header, dataStart } = readHeader(bytes);
  const dataLength = bytes.byteLength - dataStart;
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => ({ name, ...readEntry(name, value) }))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);

  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) throw new Malformed(`there is a gap or an overlap before tensor "${name}"`);
    covered = end;
  }
  if (covered !== dataLength) {
    throw new Malformed(`its tensors take ${covered} bytes, but ${dataLength} follow the header`);
  }

  const tensors = new Map(
    entries.map(({ name, dtype, shape, begin, end }): [string, SafetensorsTensor] => {
      // A copy, because typed arrays need aligned memory and a header's length may be odd.
      const copy = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
      return [name, { dtype, shape, data: new DTYPES[dtype](copy.buffer) }];
    }),
  );
  return { tensors, metadata: readMetadata(header[METADATA_KEY] ?? {}) };
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.byteLength < 8) throw new Malformed('it is shorter than 8 bytes');
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) throw new Malformed(`its header claims ${length} bytes`);
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.byteLength) throw new Malformed(`its header of ${length} bytes reaches beyond its end`);
  let header: unknown;
  try {
    header = parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, dataStart)));
  } catch {
    throw new Malformed('its header is not JSON');
  }
  if (!isRecord(header)) throw new Malformed('its header is not a JSON object');
  return { header, dataStart };
}

function readEntry(
  name: string,
  value: unknown,
): { dtype: SafetensorsDtype; shape: number[]; begin: number; end: number } {
  const refuse = (why: string) => new Malformed(`tensor "${name}" ${why}`);
  if (!isRecord(value)) throw refuse('has no description');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) throw refuse(`has the unknown element type ${JSON.stringify(dtype)}`);
  if (!isSizes(shape)) throw refuse('has no valid shape');
  if (!isSizes(offsets) || offsets.length !== 2) throw refuse('has no valid offsets');
  const [begin, end] = offsets;
  const size = elementCount(shape) * DTYPES[dtype].BYTES_PER_ELEMENT;
  if (end - begin !== size) throw refuse(`takes ${end - begin} bytes where its shape needs ${size}`);
  return { dtype, shape, begin, end };
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value) || !Object.values(value).every((text) => typeof text === 'string')) {
    throw new Malformed('its metadata are not all strings');
  }
  return value as Record<string, string>;
}

function dtypeOf(data: ElementArray): SafetensorsDtype {
  return DTYPE_NAMES.find((name) => !RAW_BITS.has(name) && data instanceof DTYPES[name])!;
}

function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(DTYPES, value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
