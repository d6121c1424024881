import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors, type SafetensorsInput } from '../../src/formats/safetensors.js';

const reference = await readFile(new URL('../golden/reference.safetensors', import.meta.url));

/** A file with this header, as text or value, and this many bytes of data. */
function fileOf(header: unknown, dataLength: number, claimedLength?: bigint): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimedLength ?? BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataLength, 1)]);
}

const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('decodeSafetensors', () => {
  it('reads what the reference library wrote', () => {
    const { tensors, metadata } = decodeSafetensors(reference);
    expect(metadata).toEqual({ format: 'pt' });
    expect(tensors.size).toBe(35);
    const dtypes = {
      float64: 'F64',
      float32: 'F32',
      int64: 'I64',
      int32: 'I32',
      int16: 'I16',
      int8: 'I8',
      uint64: 'U64',
      uint32: 'U32',
      uint16: 'U16',
      uint8: 'U8',
    };
    for (const [kind, dtype] of Object.entries(dtypes)) {
      const tensor = tensors.get(`a-${kind}`)!;
      expect(tensor).toMatchObject({ dtype, shape: [2, 3] });
      expect(Array.from(tensor.data, Number)).toEqual([0, 1, 2, 3, 4, 5]);
    }
    expect(tensors.get('scalar')).toEqual({ dtype: 'F32', shape: [], data: Float32Array.of(7) });
    expect(tensors.get('empty')).toEqual({ dtype: 'F32', shape: [0, 3], data: new Float32Array(0) });
    expect(tensors.get('ünïcode \u{1d11e} "quoted"')!.data).toEqual(Float32Array.of(0, 1, 2));
  });

  it.each(['  {"a":%}', '{"a":%}   ', '{"a":%} '])('reads a header of any length and padding: %j', (header) => {
    const bytes = fileOf(header.replace('%', JSON.stringify(f32(0, 8))), 8);
    // At an odd place in memory.
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    const expected = new Float32Array(Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1).buffer);
    expect(decodeSafetensors(moved.subarray(1)).tensors.get('a')!.data).toEqual(expected);
  });

  it('gives half floats as their bits', () => {
    const bytes = fileOf({ h: { dtype: 'BF16', shape: [2], data_offsets: [0, 4] } }, 4);
    expect(decodeSafetensors(bytes).tensors.get('h')!.data).toEqual(Uint16Array.of(0x0101, 0x0101));
  });

  it('treats names that JavaScript knows as any others', () => {
    const bytes = fileOf('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4);
    expect([...decodeSafetensors(bytes).tensors.keys()]).toEqual(['__proto__']);
    expect(({} as { dtype?: string }).dtype).toBeUndefined();
    expect(() => decodeSafetensors(fileOf({ a: { ...f32(0, 4), dtype: 'constructor' } }, 4))).toThrow(/element type/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['no header length', new Uint8Array(7), /shorter than 8/],
    ['a header beyond the end', fileOf({ a: f32(0, 4) }, 4, 10_000n), /beyond its end/],
    ['a huge header', fileOf('', 0, 100_000_001n), /claims 100000001 bytes/],
    ['an absurd header length', fileOf('', 0, 2n ** 64n - 1n), /claims/],
    ['no JSON', fileOf('{"a":', 0), /not JSON/],
    ['a header that is not UTF-8', fileOf('{"a"}', 0).with(10, 0xff), /not JSON/],
    ['a header that is a list', fileOf([], 0), /JSON object/],
    ['a gap at the start', fileOf({ a: f32(4, 8) }, 8), /gap/],
    ['a gap between', fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), /gap/],
    ['an overlap', fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), /overlap/],
    ['a tensor twice in one place', fileOf({ a: f32(0, 4), b: f32(0, 4) }, 4), /overlap/],
    ['trailing data', fileOf({ a: f32(0, 4) }, 5), /5 follow/],
    ['missing data', fileOf({ a: f32(0, 8) }, 7), /7 follow/],
    ['data without tensors', fileOf({}, 1), /follow/],
    ['a shape of another size', fileOf({ a: f32(0, 8, [3]) }, 8), /shape needs 12/],
    ['offsets in reverse', fileOf({ a: f32(8, 0, [2]) }, 8), /takes -8 bytes/],
    ['a negative shape', fileOf({ a: f32(0, 8, [-2]) }, 8), /valid shape/],
    ['a fractional shape', fileOf({ a: f32(0, 8, [0.5, 4]) }, 8), /valid shape/],
    ['a shape beyond memory', fileOf({ a: f32(0, 8, [2 ** 40, 2 ** 40]) }, 8), /shape needs/],
    ['a shape that overflows', fileOf({ a: f32(0, 0, [...Array<number>(40).fill(2 ** 50), 0]) }, 0), /shape needs/],
    ['three offsets', fileOf({ a: { ...f32(0, 4), data_offsets: [0, 4, 8] } }, 4), /valid offsets/],
    ['an unknown type', fileOf({ a: { ...f32(0, 4), dtype: 'F31' } }, 4), /element type "F31"/],
    ['a tensor without description', fileOf({ a: null }, 0), /no description/],
    ['metadata that are numbers', fileOf({ __metadata__: { a: 1 } }, 0), /all strings/],
    ['metadata that are a list', fileOf({ __metadata__: ['a'] }, 0), /all strings/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(
      expect.objectContaining({ kind: 'input', code: 'SAFETENSORS_INVALID', message: expect.stringMatching(message) }),
    );
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(/^model\.safetensors is not/);
  });

  it('never fails in another way on a damaged header', () => {
    const headerEnd = 8 + Number(reference.readBigUInt64LE(0));
    const damage = fc.array(fc.tuple(fc.nat(headerEnd - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = Uint8Array.from(reference);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const { tensors } = decodeSafetensors(bytes);
          const size = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
          expect(size).toBe(bytes.length - 8 - Number(new DataView(bytes.buffer).getBigUint64(0, true)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'SAFETENSORS_INVALID' });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('encodeSafetensors', () => {
  it('writes the same bytes as the reference library', () => {
    const { tensors, metadata } = decodeSafetensors(reference);
    const shuffled = new Map([...tensors].toSorted(([a], [b]) => (a < b ? 1 : -1)));
    expect(Buffer.from(encodeSafetensors(shuffled, metadata)).equals(reference)).toBe(true);
  });

  it('is undone by reading', () => {
    const tensor = fc.array(fc.nat(4), { maxLength: 3 }).chain((shape) => {
      const length = shape.reduce((product, size) => product * size, 1);
      const exactly = { minLength: length, maxLength: length };
      return fc
        .oneof(
          fc.float32Array(exactly),
          fc.float64Array(exactly),
          fc.int32Array(exactly),
          fc.bigInt64Array(exactly),
          fc.uint8Array(exactly),
        )
        .map((data): SafetensorsInput => ({ shape, data }));
    });
    const name = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__metadata__');
    const files = fc.tuple(fc.array(fc.tuple(name, tensor)), fc.dictionary(name, name));
    fc.assert(
      fc.property(files, ([entries, metadata]) => {
        const tensors = new Map(entries);
        const bytes = encodeSafetensors(tensors, metadata);
        const read = decodeSafetensors(bytes);
        expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata));
        expect(new Map([...read.tensors].map(([key, { shape, data }]) => [key, { shape, data }]))).toEqual(tensors);
        expect(encodeSafetensors(read.tensors, metadata)).toEqual(bytes);
      }),
      { numRuns: 200 },
    );
  });

  it('refuses data that do not fill their shape', () => {
    expect(() => encodeSafetensors(new Map([['a', { shape: [3], data: new Float32Array(2) }]]))).toThrow(
      /"a" has 2 values/,
    );
  });
});
