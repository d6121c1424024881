import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { decodeCifar10 } from '../../../src/formats/cifar.js';
import { readIdx } from '../../../src/formats/idx.js';
import { decodeNpy, encodeNpy, type NpyArray } from '../../../src/formats/npy.js';
import { decodeNpz, encodeNpz } from '../../../src/formats/npz.js';
import { decodeSafetensors, encodeSafetensors } from '../../../src/formats/safetensors.js';
import { decodeTorchFile } from '../../../src/formats/torchPickle.js';
import { openImageSet } from '../../../src/formats/imageSets.js';
import type { FuzzReader } from '../fuzzReader.js';
import { mutateBytes } from '../mutate.js';
import { ensure, scratchFolder } from '../scratch.js';

const GOLDEN = join(process.cwd(), 'test', 'golden');

async function seedsIn(folder: string, ending: string): Promise<Buffer[]> {
  const names = (await readdir(join(GOLDEN, folder))).filter((name) => name.endsWith(ending)).sort();
  return Promise.all(names.map((name) => readFile(join(GOLDEN, folder, name))));
}

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
const ensureFilled = (arrays: Iterable<{ shape: readonly number[]; data: ArrayLike<unknown> }>) => {
  for (const { shape, data } of arrays) ensure(data.length === count(shape), 'an array does not fill its shape');
};

function bytesReader(
  name: string,
  seeds: readonly Buffer[],
  words: readonly string[],
  read: (bytes: Buffer) => unknown,
): FuzzReader<Buffer> {
  return { name, make: (random) => mutateBytes(random, seeds, words), read };
}

export async function safetensorsReader(): Promise<FuzzReader> {
  const small = Buffer.from(
    encodeSafetensors(new Map([['a', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]]), { format: 'pt' }),
  );
  const seeds = [await readFile(join(GOLDEN, 'reference.safetensors')), small];
  const words = [
    '"__proto__"',
    '"dtype":"F64"',
    '"shape":[',
    '[[[[[[[[',
    '9007199254740993',
    '-1',
    '"data_offsets":[0,4]',
    '\\u0000',
    '}}',
  ];
  return bytesReader('safetensors', seeds, words, (bytes) => {
    ensureFilled(decodeSafetensors(bytes, 'x').tensors.values());
  }) as FuzzReader;
}

const NPY_WORDS = [
  "'descr': '|O'",
  "'<f8'",
  "'>f4'",
  "'fortran_order': True",
  "'shape': (",
  '99999999999',
  '1,'.repeat(40),
  '(0,',
  'NUMPY',
];

export async function npyReader(): Promise<FuzzReader> {
  const arrays: NpyArray[] = [
    { dtype: '<f4', shape: [2, 3], data: new Float32Array(6) },
    { dtype: '|u1', shape: [2, 2, 2, 3], data: new Uint8Array(24) },
    { dtype: '<i8', shape: [], data: new BigInt64Array(1) },
  ];
  const seeds = arrays.map((array) => Buffer.from(encodeNpy(array)));
  seeds.push(Buffer.from(seeds[0].toString('latin1').replace('False', 'True '), 'latin1'));
  return bytesReader('npy', seeds, NPY_WORDS, (bytes) => ensureFilled([decodeNpy(bytes, 'x')])) as FuzzReader;
}

const ZIP_WORDS = [
  'PK\x03\x04',
  'PK\x01\x02',
  'PK\x05\x06',
  'PK\x06\x06',
  'PK\x06\x07',
  '\x01\0\x10\0',
  '../../x',
  '\xff\xff\xff\xff',
];

export async function npzReader(): Promise<FuzzReader> {
  const seeds = [
    ...(await seedsIn('npz', '.npz')),
    Buffer.from(encodeNpz({ arr_0: { dtype: '|u1', shape: [2, 1, 1, 3], data: new Uint8Array(6) } })),
  ];
  return bytesReader('npz', seeds, [...ZIP_WORDS, ...NPY_WORDS], (bytes) =>
    ensureFilled(decodeNpz(bytes).values()),
  ) as FuzzReader;
}

export async function torchReader(): Promise<FuzzReader> {
  const seeds = await seedsIn('torch', '.pth');
  const words = [
    ...ZIP_WORDS,
    'cos\nsystem\n',
    'cbuiltins\neval\n',
    'ctorch\nFloatStorage\n',
    'ctorch._utils\n_rebuild_tensor_v2\n',
    'R.',
    'Q',
    '(',
    't',
    'q\x00',
    'h\x00',
    '\x8a\xff',
    'b',
    '}u',
    ']a',
    '2',
    'e',
  ];
  return bytesReader('torch', seeds, words, (bytes) => ensureFilled(decodeTorchFile(bytes).values())) as FuzzReader;
}

export async function cifarReader(): Promise<FuzzReader> {
  const seeds = [Buffer.alloc(3073, 3), Buffer.concat([Buffer.alloc(3073, 9), Buffer.alloc(3073, 1)])];
  return bytesReader('cifar', seeds, [], (bytes) => {
    const images = decodeCifar10(bytes, 'x', 2);
    ensure(images.pixels.length === images.count * 3072 && images.count <= 2, 'the pixels do not fit the count');
  }) as FuzzReader;
}

export async function idxReader(): Promise<FuzzReader> {
  const { folder, close } = await scratchFolder();
  const path = join(folder, 'file');
  const plain = [
    Buffer.from('00000803000000020000000200000003000102030405060708090a0b', 'hex'),
    Buffer.from('0000080100000003010203', 'hex'),
  ];
  const seeds = [...plain, ...plain.map((bytes) => gzipSync(bytes))];
  const read = async (bytes: Buffer) => {
    await writeFile(path, bytes);
    ensureFilled([await readIdx(path, 100)]);
  };
  return {
    ...bytesReader('idx', seeds, ['\x1f\x8b\x08', '\0\0\x08\x03', '\xff\xff\xff\xff'], read),
    close,
  } as FuzzReader;
}

/** What `stepadapt fid` takes: npz images and npz statistics. */
export async function imageSetReader(): Promise<FuzzReader> {
  const { folder, close } = await scratchFolder();
  const path = join(folder, 'set.npz');
  const matrix = { dtype: '<f8', shape: [2, 2], data: Float64Array.of(1, 0, 0, 1) } as const;
  const vector = { dtype: '<f8', shape: [2], data: Float64Array.of(1, 2) } as const;
  const seeds = [
    encodeNpz({ arr_0: { dtype: '|u1', shape: [3, 2, 2, 3], data: new Uint8Array(36) } }),
    encodeNpz({ mu: vector, sigma: matrix }),
    encodeNpz({ m2: vector, s2: matrix }),
  ].map((bytes) => Buffer.from(bytes));
  const read = async (bytes: Buffer) => {
    await writeFile(path, bytes);
    const set = await openImageSet(path);
    if (set.kind === 'statistics') {
      ensure(set.mean.length === set.dimensions && set.mean.every(Number.isFinite), 'the mean is not one');
      return;
    }
    let images = 0;
    for await (const batch of set.batches({ batch: 2 })) images += batch.count;
    ensure(images === set.count, 'not every image came');
  };
  return {
    ...bytesReader('image set', seeds, [...ZIP_WORDS, ...NPY_WORDS, 'arr_0', 'sigma'], read),
    close,
  } as FuzzReader;
}
