import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { zipSync } from 'fflate';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTorchFile } from '../../src/formats/torchPickle.js';

const golden = (name: string) => readFile(new URL(`../golden/torch/${name}`, import.meta.url));
const goldenSync = (name: string) => readFileSync(new URL(`../golden/torch/${name}`, import.meta.url));
const refused = (detail: RegExp) =>
  expect.objectContaining({ code: 'TORCH_FILE_INVALID', message: expect.stringMatching(detail) });

/** A zip file of torch.save with this pickle and these storages. */
const torchZip = (pickle: Buffer, storages: Record<string, Uint8Array> = {}) =>
  zipSync({
    'archive/data.pkl': pickle,
    ...Object.fromEntries(Object.entries(storages).map(([key, data]) => [`archive/data/${key}`, data])),
  });
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));
const text = (value: string) => bytes([0x8c, value.length], value);
const int = (value: number) => {
  const four = Buffer.alloc(4);
  four.writeInt32LE(value);
  return Buffer.concat([Buffer.from('J'), four]);
};
const tuple = (...items: Buffer[]) => Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]);
const PROTO = Buffer.from([0x80, 2]);
/** `{"w": tensor}` over storage "0" of `count` floats. */
const oneTensor = (count: number, offset: number, shape: number[], strides: number[], type = 'FloatStorage') =>
  Buffer.concat([
    PROTO,
    Buffer.from('}'),
    text('w'),
    bytes('ctorch._utils\n_rebuild_tensor_v2\n'),
    tuple(
      Buffer.concat([
        tuple(text('storage'), bytes(`ctorch\n${type}\n`), text('0'), text('cpu'), int(count)),
        Buffer.from('Q'),
      ]),
      int(offset),
      tuple(...shape.map(int)),
      tuple(...strides.map(int)),
    ),
    Buffer.from('Rs.'),
  ]);

describe.each(['zip.pth', 'stream.pth'])('torch.save wrote %s', (file) => {
  it('every tensor is read, views row by row', async () => {
    const expected = JSON.parse((await golden('expected.json')).toString()) as Record<
      string,
      { shape: number[]; data: number[] }
    >;
    const tensors = decodeTorchFile(await golden(file), file);
    expect([...tensors.keys()]).toEqual(Object.keys(expected));
    for (const [name, { shape, data }] of Object.entries(expected)) {
      const tensor = tensors.get(name)!;
      expect(tensor.shape, name).toEqual(shape);
      const values = Array.from(tensor.data as ArrayLike<number | bigint>, Number);
      const signed = name === 'half' ? values.map((bits) => (bits << 16) >> 16) : values;
      expect(signed, name).toEqual(data);
    }
    expect(tensors.get('layer.weight')!.dtype).toBe('F32');
    expect(tensors.get('count')!.dtype).toBe('I64');
    expect(tensors.get('half')!.dtype).toBe('F16');
  });

  it('no shorter file is read, and no damage does worse than an input error', async () => {
    const whole = await golden(file);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (length) => {
        expect(() => decodeTorchFile(whole.subarray(0, length))).toThrowError(refused(/./));
      }),
    );
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Uint8Array.from(whole);
        damaged[at] ^= change;
        try {
          decodeTorchFile(damaged);
        } catch (error) {
          expect(error).toMatchObject({ code: 'TORCH_FILE_INVALID' });
        }
      }),
    );
  });
});

describe('hostile files', () => {
  it.each(['command.pth', 'command-stream.pth'])('%s runs nothing and is refused by the name it calls', (file) => {
    expect(() => decodeTorchFile(goldenSync(file), file)).toThrowError(refused(/(posix|nt)\.system/));
    expect(existsSync('stepadapt-was-here')).toBe(false);
  });

  it('a pickled module is refused', () => {
    expect(() => decodeTorchFile(goldenSync('module.pth'))).toThrowError(refused(/torch\.nn\.modules\.linear\.Linear/));
  });

  it('the small tensor that the others vary is read', () => {
    const file = torchZip(oneTensor(2, 0, [2], [1]), { 0: new Uint8Array(Float32Array.of(1.5, -2).buffer) });
    expect(decodeTorchFile(file).get('w')).toEqual({ dtype: 'F32', shape: [2], data: Float32Array.of(1.5, -2) });
  });

  it.each([
    ['a storage larger than the file', oneTensor(1 << 30, 0, [1 << 30], [1]), /cut off/],
    ['a tensor beyond its storage', oneTensor(2, 1, [2], [1]), /beyond its storage/],
    ['a value repeated without end (stride 0)', oneTensor(2, 0, [1 << 30, 1 << 10], [0, 0]), /beyond its storage/],
    ['a negative size', oneTensor(2, 0, [-1], [1]), /unknown way/],
    ['an unknown storage', oneTensor(2, 0, [2], [1], 'EvilStorage'), /torch\.EvilStorage/],
    ['a name of the standard library', bytes('cbuiltins\neval\n.'), /builtins\.eval/],
    [
      'a name put together on the stack',
      Buffer.concat([text('os'), text('system'), Buffer.from([0x93, 0x2e])]),
      /os\.system/,
    ],
    ['a call of what is no function', bytes('N)R.'), /no function/],
    ['an object built from a class', bytes('ccollections\nOrderedDict\n)', [0x81], '.'), /0x81/],
    ['a storage in place of the dictionary', bytes('N.'), /no dictionary/],
    ['a memo entry that is not there', bytes('h', [9], '.'), /never stored/],
    ['an empty stack', bytes('.'), /runs empty/],
    ['a text longer than the file', bytes('X', [255, 255, 255, 127], '.'), /in the middle/],
    ['no end', bytes('N'), /in the middle/],
  ])('%s', (_name, pickle, detail) => {
    const file = torchZip(pickle, { 0: new Uint8Array(8) });
    expect(() => decodeTorchFile(file)).toThrowError(refused(detail));
  });

  it('a dictionary that holds itself, and a hundred thousand lists in one another, end', () => {
    expect(decodeTorchFile(torchZip(bytes('}q', [0], 'X', [1, 0, 0, 0], 'ah', [0], 's.'))).size).toBe(0);
    const nested = `}X\x01\0\0\0a${']'.repeat(100_000)}${'a'.repeat(99_999)}s.`;
    expect(decodeTorchFile(torchZip(bytes(nested))).size).toBe(0);
  });

  it('a zip bomb is refused before it is unpacked', () => {
    const bomb = Buffer.from(zipSync({ 'archive/data.pkl': new Uint8Array(1000) }, { level: 9 }));
    bomb.writeUInt32LE(0xf0000000, bomb.indexOf('PK\x01\x02') + 24);
    expect(() => decodeTorchFile(bomb)).toThrowError(refused(/more than it can hold/));
  });

  it('other files are said not to be one', () => {
    expect(() => decodeTorchFile(Buffer.from('not weights'))).toThrowError(refused(/./));
    expect(() => decodeTorchFile(zipSync({ 'a.txt': new Uint8Array(1) }))).toThrowError(refused(/data\.pkl/));
  });
});
