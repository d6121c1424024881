import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { decodeNpy, encodeNpy } from '../../src/formats/npy.js';
import { decodeNpz, encodeNpz, requireArray } from '../../src/formats/npz.js';

const golden = (name: string) => readFile(new URL(`../golden/npz/${name}`, import.meta.url));

describe.each(['stored.npz', 'deflated.npz'])('numpy wrote %s', (file) => {
  it('every type and order is read', async () => {
    const arrays = decodeNpz(await golden(file), file);
    expect([...arrays.keys()].sort()).toEqual(['count', 'fortran', 'labels', 'mu', 'nothing', 'plain', 'sigma']);
    expect(arrays.get('mu')).toEqual({ dtype: '<f8', shape: [3], data: Float64Array.of(0.5, -1.25, 3e300) });
    expect(arrays.get('sigma')).toEqual({
      dtype: '<f4',
      shape: [2, 3],
      data: Float32Array.of(0, 0.25, 0.5, 0.75, 1, 1.25),
    });
    expect(arrays.get('labels')).toEqual({ dtype: '|u1', shape: [3], data: Uint8Array.of(0, 128, 255) });
    expect(arrays.get('count')).toEqual({ dtype: '<i8', shape: [], data: BigInt64Array.of(-(2n ** 62n)) });
    expect(arrays.get('nothing')).toEqual({ dtype: '<f4', shape: [0, 4], data: new Float32Array(0) });
    expect(arrays.get('plain')).toEqual({ dtype: '|u1', shape: [40, 50], data: new Uint8Array(2000) });
  });

  it('Fortran order becomes C order', async () => {
    const fortran = decodeNpz(await golden(file), file).get('fortran');
    expect(fortran).toEqual({ dtype: '<i4', shape: [2, 3, 4], data: Int32Array.from({ length: 24 }, (_, i) => i) });
  });
});

describe('what is written', () => {
  it('has the bytes that numpy.save writes', () => {
    // >>> b = io.BytesIO(); np.save(b, np.array([[1.5, 2.5]], dtype='<f4')); b.getvalue().hex()
    const bytes = encodeNpy({ dtype: '<f4', shape: [1, 2], data: Float32Array.of(1.5, 2.5) });
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }".padEnd(117);
    expect(Buffer.from(bytes).toString('hex')).toBe(
      `934e554d505901007600${Buffer.from(`${header}\n`).toString('hex')}0000c03f00002040`,
    );
  });

  it('is read back unchanged, from any place in memory', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 60 }), fc.integer({ min: 0, max: 7 }), (values, shift) => {
        const bytes = encodeNpz({ a: { dtype: '<f4', shape: [values.length], data: values } });
        const shifted = new Uint8Array(bytes.length + shift);
        shifted.set(bytes, shift);
        expect(decodeNpz(shifted.subarray(shift)).get('a')?.data).toEqual(values);
      }),
    );
  });

  it('is the same file for the same arrays', () => {
    const make = () => encodeNpz({ mu: { dtype: '<f8', shape: [1], data: Float64Array.of(7) } });
    expect(make()).toEqual(make());
  });

  it('refuses a shape that does not fit the values', () => {
    expect(() => encodeNpy({ dtype: '|u1', shape: [2, 2], data: new Uint8Array(3) })).toThrow(RangeError);
  });
});

describe('bad files', () => {
  it('any cut of a file is refused with a code, never half read', async () => {
    const whole = await golden('stored.npz');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
        expect(() => decodeNpz(whole.subarray(0, length))).toThrow(
          expect.objectContaining({ kind: 'input', code: expect.stringMatching(/^NP[YZ]_/) }),
        );
      }),
    );
  });

  it('foreign bytes are refused with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => decodeNpz(bytes)).toThrow(expect.objectContaining({ code: 'NPZ_INVALID' }));
        expect(() => decodeNpy(bytes, 'x')).toThrow(expect.objectContaining({ code: 'NPY_INVALID' }));
      }),
    );
  });

  it.each(['stored.npz', 'deflated.npz'])('a flipped bit in %s never passes as another number', async (file) => {
    const whole = await golden(file);
    const right = decodeNpz(whole);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const damaged = Buffer.from(whole);
        damaged[at] ^= 1 << bit;
        try {
          for (const [key, array] of decodeNpz(damaged)) if (right.has(key)) expect(array).toEqual(right.get(key));
        } catch (error) {
          expect(error).toMatchObject({ kind: 'input', code: expect.stringMatching(/^NP[YZ]_/) });
        }
      }),
      { numRuns: 200 },
    );
  });

  it('a size that cannot be true is refused before memory is taken', async () => {
    const bytes = Buffer.from(zipSync({ 'a.npy': new Uint8Array(100) }));
    const central = bytes.indexOf(Buffer.from('504b0102', 'hex'));
    bytes.writeUInt32LE(0xfffffff0, central + 24);
    expect(() => decodeNpz(bytes)).toThrow(expect.objectContaining({ code: 'NPZ_INVALID' }));
  });

  it('an npy header that promises more than the file holds is refused', () => {
    const bytes = encodeNpy({ dtype: '|u1', shape: [4], data: new Uint8Array(4) });
    const text = Buffer.from(bytes).toString('latin1').replace('(4,), }        ', '(4000000000,), }');
    expect(() => decodeNpy(Buffer.from(text, 'latin1'), 'x')).toThrow(expect.objectContaining({ code: 'NPY_INVALID' }));
  });

  it.each(['half.npz', 'pickled.npz'])('types that are not read are named: %s', async (file) => {
    const bytes = await golden(file);
    expect(() => decodeNpz(bytes, file)).toThrow(
      expect.objectContaining({ code: 'NPY_DTYPE', message: expect.stringContaining(`"mu" in ${file}`) }),
    );
  });
});

describe('requireArray', () => {
  const arrays = decodeNpz(encodeNpz({ m2: { dtype: '<f8', shape: [2], data: Float64Array.of(1, 2) } }));

  it('takes the first name that is there', () => {
    const mean = requireArray(arrays, ['mu', 'm2'], { dtypes: ['<f8'], shape: [null] }, 'stats.npz');
    expect(mean.data).toEqual(Float64Array.of(1, 2));
  });

  it('says what is there instead', () => {
    expect(() => requireArray(arrays, ['mu'], { dtypes: ['<f8'], shape: [null] }, 'stats.npz')).toThrow(
      expect.objectContaining({ code: 'NPZ_MISSING_KEY', message: expect.stringContaining('it has m2') }),
    );
    expect(() => requireArray(arrays, ['m2'], { dtypes: ['<f4'], shape: [null] }, 'stats.npz')).toThrow(
      expect.objectContaining({ code: 'NPZ_WRONG_ARRAY' }),
    );
    expect(() => requireArray(arrays, ['m2'], { dtypes: ['<f8'], shape: [null, 3] }, 'stats.npz')).toThrow(
      expect.objectContaining({ code: 'NPZ_WRONG_ARRAY' }),
    );
  });
});
