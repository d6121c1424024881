import { inputError, type StepAdaptError } from '../contract/errors.js';
import { PickleError, readPickle, type PickleGlobal, type PickleMeaning, type PickleTuple } from './pickle.js';
import type { SafetensorsDtype, SafetensorsTensor } from './safetensors.js';
import { readZip } from './zip.js';

/**
 * Tensors of files that PyTorch's `torch.save` wrote: the zip format since 1.6 and the stream before it. Nothing in the file
 * is executed: beside containers a pickle may name tensors and their storages, and anything else is refused.
 */

const STORAGES: Readonly<Record<string, SafetensorsDtype>> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

const ARRAYS = {
  F32: Float32Array,
  F64: Float64Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;
type StoredDtype = keyof typeof ARRAYS;

/** First value of the stream format, and the version that follows it (torch/serialization.py). */
const STREAM_MAGIC = 0x1950a86a20f9469cfc6cn;
const STREAM_VERSION = 1001;
const MAX_RANK = 16;
/** Tensors may share storages, as tied weights do; a small file that names one storage a thousand times is a bomb. */
const MAX_SHARING = 4;

class Storage {
  constructor(
    readonly key: string,
    readonly dtype: StoredDtype,
    readonly count: number,
  ) {}
}

class StoredTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/**
 * The tensors of a file written by `torch.save(state_dict)`, by name, in the file's order; entries that are not tensors are
 * left out. Half-precision values come as raw bits. Views are copied out row-major.
 *
 * @param name what the errors call the file
 * @throws input error `TORCH_FILE_INVALID` for anything damaged, unknown or hostile
 */
export function decodeTorchFile(bytes: Uint8Array, name = 'the PyTorch file'): Map<string, SafetensorsTensor> {
  const invalid = (detail: string, cause?: unknown): StepAdaptError =>
    inputError(
      'TORCH_FILE_INVALID',
      `${name} cannot be read as PyTorch weights: ${detail}`,
      'download the file again, or save the weights as safetensors',
      { cause },
    );
  try {
    const isZip = bytes.length > 4 && bytes[0] === 0x50 && bytes[1] === 0x4b;
    return isZip ? decodeZip(bytes, invalid) : decodeStream(bytes);
  } catch (error) {
    if (error instanceof PickleError) throw invalid(error.message, error);
    throw error;
  }
}

function decodeZip(bytes: Uint8Array, invalid: (detail: string, cause?: unknown) => StepAdaptError) {
  const files = readZip(bytes, (entry) => /\/(data\.pkl|byteorder|data\/[^/]+)$/.test(entry), invalid);
  const pickle = [...files.keys()].find((entry) => entry.endsWith('/data.pkl'));
  if (pickle === undefined) throw new PickleError('it is a zip file without data.pkl');
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = files.get(`${folder}byteorder`);
  if (order !== undefined && Buffer.from(order.subarray(0, 16)).toString('latin1').trim() !== 'little') {
    throw new PickleError('its numbers are big-endian');
  }
  const { value } = readPickle(files.get(pickle)!, 0, tensorMeaning(new Map()));
  return namedTensors(value, (storage) => {
    const data = files.get(`${folder}data/${storage.key}`);
    if (data === undefined) throw new PickleError(`the values of storage ${storage.key} are missing`);
    if (data.length < byteLength(storage)) throw new PickleError(`storage ${storage.key} is cut off`);
    return data;
  });
}

/** Five pickles (magic, version, system, object, keys of the storages), then each storage as a count and its values. */
function decodeStream(bytes: Uint8Array) {
  const storages = new Map<string, Storage>();
  const meaning = tensorMeaning(storages);
  const magic = readPickle(bytes, 0, meaning);
  if (magic.value !== STREAM_MAGIC) throw new PickleError('it is neither a zip file nor an older PyTorch file');
  const version = readPickle(bytes, magic.end, meaning);
  if (version.value !== STREAM_VERSION) throw new PickleError('its format version is unknown');
  const system = readPickle(bytes, version.end, meaning);
  if (!(system.value instanceof Map) || system.value.get('little_endian') !== true) {
    throw new PickleError('its numbers are big-endian');
  }
  const object = readPickle(bytes, system.end, meaning);
  const keys = readPickle(bytes, object.end, meaning);
  if (!Array.isArray(keys.value)) throw new PickleError('it has no list of storages');

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const contents = new Map<string, Uint8Array>();
  let at = keys.end;
  for (const key of keys.value) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined) throw new PickleError('it holds a storage that no tensor uses');
    const end = at + 8 + byteLength(storage);
    if (end > bytes.length) throw new PickleError(`storage ${storage.key} is cut off`);
    if (view.getBigInt64(at, true) !== BigInt(storage.count)) {
      throw new PickleError(`storage ${storage.key} has another size than its tensors say`);
    }
    contents.set(storage.key, bytes.subarray(at + 8, end));
    at = end;
  }
  return namedTensors(object.value, (storage) => {
    const data = contents.get(storage.key);
    if (data === undefined) throw new PickleError(`the values of storage ${storage.key} are missing`);
    return data;
  });
}

/** What the names in a file of tensors mean. Storages are collected by key, so that one key has one type and one size. */
function tensorMeaning(storages: Map<string, Storage>): PickleMeaning {
  return {
    allow(global) {
      if (!isKnown(global)) throw new PickleError(`it names ${global.path}, which no tensor needs; nothing was run`);
    },
    call(callable, args) {
      switch (callable.path) {
        case 'collections.OrderedDict':
          if (args.length > 0) throw new PickleError('it fills a dictionary in an unknown way');
          return new Map();
        case 'torch._utils._rebuild_tensor_v2':
          return rebuildTensor(args);
        case 'torch._utils._rebuild_parameter':
          if (!(args[0] instanceof StoredTensor)) throw new PickleError('it holds a parameter that is no tensor');
          return args[0];
        default:
          throw new PickleError(`it calls ${callable.path}`);
      }
    },
    persistent(id) {
      if (!Array.isArray(id) || id[0] !== 'storage') throw new PickleError('it refers to an unknown kind of object');
      const [, type, key, , count, view] = id as [unknown, PickleGlobal, unknown, unknown, unknown, unknown];
      const dtype = isStorage(type) ? (STORAGES[type.name] as StoredDtype) : undefined;
      if (dtype === undefined || typeof key !== 'string' || !isSize(count)) {
        throw new PickleError('it describes a storage in an unknown way');
      }
      if (view !== undefined && view !== null) throw new PickleError('it holds a view of a storage');
      const known = storages.get(key);
      if (known !== undefined && (known.dtype !== dtype || known.count !== count)) {
        throw new PickleError(`it describes storage ${key} in two ways`);
      }
      const storage = known ?? new Storage(key, dtype, count);
      storages.set(key, storage);
      return storage;
    },
  };
}

function isKnown(global: PickleGlobal): boolean {
  return (
    global.path === 'collections.OrderedDict' ||
    global.path === 'torch._utils._rebuild_tensor_v2' ||
    global.path === 'torch._utils._rebuild_parameter' ||
    isStorage(global)
  );
}

function isStorage(global: PickleGlobal | undefined): global is PickleGlobal {
  return global?.module === 'torch' && Object.hasOwn(STORAGES, global.name);
}

function rebuildTensor(args: PickleTuple): StoredTensor {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof Storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
    throw new PickleError('it describes a tensor in an unknown way');
  }
  if (shape.length !== strides.length) throw new PickleError('a tensor has no valid shape');
  const count = elementCount({ shape });
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], offset);
  // Values used more than once (stride 0) would let a small file ask for any amount of memory.
  if (count > storage.count || (count > 0 && last >= storage.count)) {
    throw new PickleError(
      `a tensor of shape (${shape.join(', ')}) reaches beyond its storage of ${storage.count} values`,
    );
  }
  return new StoredTensor(storage, offset, shape, strides);
}

function namedTensors(value: unknown, contents: (storage: Storage) => Uint8Array): Map<string, SafetensorsTensor> {
  if (!(value instanceof Map)) throw new PickleError('it holds no dictionary of tensors');
  const stored = [...value].filter(
    (entry): entry is [string, StoredTensor] => typeof entry[0] === 'string' && entry[1] instanceof StoredTensor,
  );
  const storages = new Set(stored.map(([, { storage }]) => storage));
  const held = [...storages].reduce((sum, storage) => sum + byteLength(storage), 0);
  const asked = stored.reduce((sum, [, tensor]) => sum + elementCount(tensor) * itemBytes(tensor.storage), 0);
  if (asked > MAX_SHARING * held) throw new PickleError(`its tensors take ${asked} bytes of storages with ${held}`);
  return new Map(stored.map(([key, tensor]) => [key, copyOut(tensor, contents)]));
}

function copyOut(tensor: StoredTensor, contents: (storage: Storage) => Uint8Array): SafetensorsTensor {
  const { storage, offset, shape, strides } = tensor;
  const { dtype } = storage;
  const Values = ARRAYS[dtype];
  const width = itemBytes(storage);
  const count = elementCount(tensor);
  const source = contents(storage);
  const bytes = new Uint8Array(count * width);
  if (isContiguous(shape, strides)) {
    bytes.set(source.subarray(offset * width, (offset + count) * width));
  } else {
    for (let element = 0; element < count; element++) {
      let rest = element;
      let from = offset;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        from += (rest % shape[axis]) * strides[axis];
        rest = Math.floor(rest / shape[axis]);
      }
      for (let byte = 0; byte < width; byte++) bytes[element * width + byte] = source[from * width + byte];
    }
  }
  return { dtype, shape, data: new Values(bytes.buffer) };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

function itemBytes({ dtype }: Storage): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

function byteLength(storage: Storage): number {
  return storage.count * itemBytes(storage);
}

function elementCount({ shape }: Pick<StoredTensor, 'shape'>): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  // The length first: one long list may be named by every tensor.
  return Array.isArray(value) && value.length <= MAX_RANK && value.every(isSize);
}
